package io.github.mnistlibtorch.torch.vision;

/**
 * How an image is to be shown: {@code ImageOps.exif_transpose(image)}.
 *
 * @param exif from 1 to 8; 1 is upright
 */
public record Orientation(int exif) {
    /** Rows for columns. */
    static final Orientation TRANSPOSED = new Orientation(5);

    /** Whether rows are shown as columns. */
    public boolean isTransposed() {
        return exif >= TRANSPOSED.exif;
    }

    /**
     * Where a pixel of the image that is shown is in the image that is stored.
     *
     * @param pixel counted row by row, as is what is returned
     * @param width of the image that is stored
     * @param height of the image that is stored
     */
    public int source(int pixel, int width, int height) {
        int shownWidth = isTransposed() ? height : width;
        int x = isTransposed() ? pixel / shownWidth : pixel % shownWidth;
        int y = isTransposed() ? pixel % shownWidth : pixel / shownWidth;
        boolean mirrored = exif == 2 || exif == 3 || exif == 7 || exif == 8;
        boolean upsideDown = exif == 3 || exif == 4 || exif == 6 || exif == 7;
        return (upsideDown ? height - 1 - y : y) * width + (mirrored ? width - 1 - x : x);
    }
}
