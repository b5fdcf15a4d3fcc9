package io.github.mnistlibtorch.app.predict;

/**
 * A part of an image, in pixels.
 *
 * @param left its first column
 * @param top its first row
 */
public record Box(int left, int top, int width, int height) {
    int right() {
        return left + width;
    }

    int bottom() {
        return top + height;
    }

    int longer() {
        return Math.max(width, height);
    }

    boolean touchesBorder(Grey image) {
        return left == 0 || top == 0 || right() == image.width() || bottom() == image.height();
    }

    boolean encloses(Box other) {
        return left < other.left && other.right() < right() && top < other.top && other.bottom() < bottom();
    }

    /** Pixels between the two, along the axis on which they are further apart; 0 or less if they overlap. */
    int gapTo(Box other) {
        int across = Math.max(other.left - right(), left - other.right());
        int down = Math.max(other.top - bottom(), top - other.bottom());
        return Math.max(across, down);
    }

    int sharedColumns(Box other) {
        return Math.max(0, Math.min(right(), other.right()) - Math.max(left, other.left));
    }

    /** The same in pixels, of which each cell has {@code factor} in each direction, but for the last ones. */
    Box times(int factor, Box whole) {
        return new Box(
                left * factor,
                top * factor,
                Math.min(width * factor, whole.width - left * factor),
                Math.min(height * factor, whole.height - top * factor));
    }

    /** The smallest around both. */
    Box and(Box other) {
        int newLeft = Math.min(left, other.left);
        int newTop = Math.min(top, other.top);
        return new Box(
                newLeft,
                newTop,
                Math.max(right(), other.right()) - newLeft,
                Math.max(bottom(), other.bottom()) - newTop);
    }
}
