package io.github.mnistlibtorch.app.predict;

import java.util.Arrays;

/**
 * Makes of a digit what MNIST's are: light on dark, 20 pixels in its longer direction, its centre of mass in the middle of
 * 28 × 28, drawn with a pen. That is how the makers of MNIST describe it (LeCun, Cortes, Burges, "The MNIST database of
 * handwritten digits").
 */
final class DigitNormalizer {
    static final int SIDE = 28;
    private static final int DIGIT = 20;
    private static final int ALMOST = 18;

    /** The digit is put together with so many pixels for one in each direction. */
    private static final int FINE = 4;

    /** A line thinner than this, in these pixels, is not a pen's: it is made thicker. */
    private static final double THIN = 13;

    /** Columns that a stroke goes to the right for each row that it goes down: the middle one of MNIST's digits. */
    private static final double MEDIAN_SLANT = -0.12;

    /** Four of five of MNIST's digits are nearer to it than this. */
    private static final double MOST_SLANT = 0.3;

    private static final double LEAST_SHEAR = 0.02;

    /** What JPEG leaves on empty paper. */
    private static final float NOTHING = 0.1f;

    private DigitNormalizer() {}

    /** Whether an image is as MNIST's: the box around its ink has 20 pixels at most, and its centre is less than one off. */
    static boolean isNormal(Grey grey) {
        Box box = grey.width() == SIDE && grey.height() == SIDE ? grey.box(NOTHING) : null;
        if (box == null || box.longer() > DIGIT) {
            return false;
        }
        return Arrays.stream(grey.centreOfMass()).allMatch(centre -> Math.abs(centre - SIDE / 2.0) < 1);
    }

    /** The digit alone, 28 × 28, light on dark. */
    static Grey normal(Grey ink, DigitFinder.Digit digit) {
        Grey onPaper = onPaper(ink, digit);
        if (isNormal(onPaper)) {
            return onPaper;
        }
        Box box = onPaper.box(NOTHING);
        Grey alone = upright(onPaper.cropped(box == null ? digit.component().box() : box));
        int longer = Math.max(alone.width(), alone.height());
        // Of the right size already, a digit keeps its pixels.
        double scale = (longer >= ALMOST && longer <= DIGIT ? 1.0 : (double) longer / DIGIT) / FINE;
        int width = (int) Math.max(1, Math.min(FINE * DIGIT, Math.round(alone.width() / scale)));
        int height = (int) Math.max(1, Math.min(FINE * DIGIT, Math.round(alone.height() / scale)));
        float[] values = new float[width * height];
        for (int i = 0; i < values.length; i++) {
            values[i] = alone.mean(i % width * scale, i / width * scale, scale);
        }
        Grey fine = thickened(new Grey(values, width, height));
        double[] centre = fine.centreOfMass();
        double left = place(centre[0] / FINE, (double) width / FINE);
        double top = place(centre[1] / FINE, (double) height / FINE);
        float[] image = new float[SIDE * SIDE];
        float most = 0;
        for (int i = 0; i < image.length; i++) {
            image[i] = fine.mean((i % SIDE - left) * FINE, (i / SIDE - top) * FINE, FINE);
            most = Math.max(most, image[i]);
        }
        for (int i = 0; i < image.length; i++) {
            image[i] /= most;
        }
        return new Grey(image, SIDE, SIDE);
    }

    /** Shears a digit that slants more than nearly all of MNIST's do: a photograph may be askew. */
    private static Grey upright(Grey digit) {
        double[] centre = digit.centreOfMass();
        double across = 0;
        double down = 0;
        for (int i = 0; i < digit.values().length; i++) {
            double right = i % digit.width() + 0.5 - centre[0];
            double below = i / digit.width() + 0.5 - centre[1];
            across += digit.values()[i] * right * below;
            down += digit.values()[i] * below * below;
        }
        double slant = down == 0 ? 0 : across / down - MEDIAN_SLANT;
        double shear = slant - Math.max(-MOST_SLANT, Math.min(MOST_SLANT, slant));
        if (Math.abs(shear) < LEAST_SHEAR) {
            return digit;
        }
        int margin = (int) Math.ceil(Math.abs(shear) * digit.height());
        int width = digit.width() + 2 * margin;
        float[] values = new float[width * digit.height()];
        for (int i = 0; i < values.length; i++) {
            int y = i / width;
            double x = i % width - margin + shear * (y + 0.5 - centre[1]);
            int left = (int) Math.floor(x);
            float value = digit.contains(left, y) ? digit.at(left, y) : 0;
            float next = digit.contains(left + 1, y) ? digit.at(left + 1, y) : 0;
            values[i] = (float) (value + (x - left) * (next - value));
        }
        Grey sheared = new Grey(values, width, digit.height());
        Box box = sheared.box(NOTHING);
        return box == null ? digit : sheared.cropped(box);
    }

    /** Without what else lies on the paper. */
    private static Grey onPaper(Grey ink, DigitFinder.Digit digit) {
        float[] values = new float[ink.values().length];
        for (int pixel : digit.component().pixels()) {
            for (int near = 0; near < 9; near++) {
                int x = pixel % ink.width() - 1 + near % 3;
                int y = pixel / ink.width() - 1 + near / 3;
                if (ink.contains(x, y)) {
                    float share = (ink.at(x, y) - digit.floor()) / (digit.peak() - digit.floor());
                    values[y * ink.width() + x] = Math.max(0, Math.min(1, share));
                }
            }
        }
        return new Grey(values, ink.width(), ink.height());
    }

    /** A dilation with a disk, and most of what is there becomes white. */
    private static Grey thickened(Grey fine) {
        float white = white(fine);
        int inside = 0;
        int edge = 0;
        for (int y = 0; y < fine.height(); y++) {
            for (int x = 0; x < fine.width(); x++) {
                if (fine.at(x, y) > white / 2) {
                    inside++;
                    edge += isSurrounded(fine, x, y, white / 2) ? 0 : 1;
                }
            }
        }
        int radius = (int) Math.round((THIN - 2.0 * inside / edge) / 2);
        if (radius <= 0) {
            return fine;
        }
        float[] values = new float[fine.values().length];
        for (int i = 0; i < values.length; i++) {
            for (int near = 0; near < (2 * radius + 1) * (2 * radius + 1); near++) {
                int right = near % (2 * radius + 1) - radius;
                int down = near / (2 * radius + 1) - radius;
                int x = i % fine.width() + right;
                int y = i / fine.width() + down;
                if (right * right + down * down <= radius * radius + 1 && fine.contains(x, y)) {
                    values[i] = Math.min(1, Math.max(values[i], fine.at(x, y) / white));
                }
            }
        }
        return new Grey(values, fine.width(), fine.height());
    }

    /** How bright the brighter strokes are. */
    private static float white(Grey fine) {
        float[] strokes = new float[fine.values().length];
        int count = 0;
        for (float value : fine.values()) {
            if (value > NOTHING / FINE) {
                strokes[count++] = value;
            }
        }
        Arrays.sort(strokes, 0, count);
        return strokes[Math.max(0, count * 3 / 4 - 1)];
    }

    private static boolean isSurrounded(Grey fine, int x, int y, float least) {
        return x > 0
                && y > 0
                && x + 1 < fine.width()
                && y + 1 < fine.height()
                && fine.at(x - 1, y) > least
                && fine.at(x + 1, y) > least
                && fine.at(x, y - 1) > least
                && fine.at(x, y + 1) > least;
    }

    /** Where to begin, so that {@code centre} is in the middle, or as near as the size allows. */
    private static double place(double centre, double size) {
        return Math.max(0, Math.min(SIDE - size, Math.round(SIDE / 2.0 - centre)));
    }
}
