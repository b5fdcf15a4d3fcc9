package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.app.run.ImageSpec;
import java.util.Arrays;

/**
 * Makes of a digit what MNIST's are: light on dark, 20 pixels in its longer direction, its centre of mass in the middle of
 * 28 × 28, drawn with a pen. That is how the makers of MNIST describe it (LeCun, Cortes, Burges, "The MNIST database of
 * handwritten digits"). Of other shapes it makes what the images of their set are, by their size.
 */
final class DigitNormalizer {
    /** A shape that has more of the longer side of an image lies in it by the middle of its box, and not by its mass. */
    private static final double ALMOST_ALL = 0.85;

    /** The smallest part of the right size that keeps its pixels. */
    private static final double ALMOST = 0.9;

    /** The digit is put together with so many pixels for one in each direction. */
    private static final int FINE = 4;

    /** A line thinner than this part of a shape is not a pen's: it is made thicker. */
    private static final double THIN = 13.0 / 80;

    /** Columns that a stroke goes to the right for each row that it goes down: the middle one of MNIST's digits. */
    private static final double MEDIAN_SLANT = -0.12;

    /** Four of five of MNIST's digits are nearer to it than this. */
    private static final double MOST_SLANT = 0.3;

    private static final double LEAST_SHEAR = 0.02;

    /** What JPEG leaves on empty paper. */
    private static final float NOTHING = 0.1f;

    private final int rows;
    private final int columns;
    private final int size;
    private final boolean fills;

    /** @param images with an ink size */
    DigitNormalizer(ImageSpec images) {
        rows = images.rows();
        columns = images.columns();
        size = images.inkSize();
        fills = size > ALMOST_ALL * Math.max(rows, columns);
    }

    /** Whether an image is as those of the set: the box around its ink is as large, and its centre is less than one off. */
    boolean isNormal(Grey grey) {
        Box box = grey.width() == columns && grey.height() == rows ? grey.box(NOTHING) : null;
        if (box == null || box.longer() > size) {
            return false;
        }
        if (fills) {
            return Math.max(grey.at(0, 0), grey.at(columns - 1, 0)) <= NOTHING
                    && Math.max(grey.at(0, rows - 1), grey.at(columns - 1, rows - 1)) <= NOTHING;
        }
        Box all = grey.box(0);
        if (all == null || all.longer() < size - 1) { // each of MNIST's 70,000 has 19 or 20
            return false;
        }
        double[] centre = grey.centreOfMass();
        return Math.abs(centre[0] - columns / 2.0) < 1 && Math.abs(centre[1] - rows / 2.0) < 1;
    }

    /** The digit alone, as the images of the set are, light on dark. */
    Grey normal(Grey ink, DigitFinder.Digit digit) {
        Grey onPaper = onPaper(ink, digit);
        if (isNormal(onPaper)) {
            return onPaper;
        }
        Box box = onPaper.box(NOTHING);
        Grey cropped = onPaper.cropped(box == null ? digit.component().box() : box);
        Grey alone = fills ? cropped : upright(cropped);
        int longer = Math.max(alone.width(), alone.height());
        // Of the right size already, a digit keeps its pixels.
        double scale = (longer >= ALMOST * size && longer <= size ? 1.0 : (double) longer / size) / FINE;
        int width = (int) Math.max(1, Math.min(FINE * size, Math.round(alone.width() / scale)));
        int height = (int) Math.max(1, Math.min(FINE * size, Math.round(alone.height() / scale)));
        float[] values = new float[width * height];
        for (int i = 0; i < values.length; i++) {
            values[i] = alone.mean(i % width * scale, i / width * scale, scale);
        }
        Grey fine = thickened(new Grey(values, width, height));
        double[] centre = fills ? new double[] {width / 2.0, height / 2.0} : fine.centreOfMass();
        double left = place(centre[0] / FINE, (double) width / FINE, columns);
        double top = place(centre[1] / FINE, (double) height / FINE, rows);
        float[] image = new float[rows * columns];
        float most = 0;
        for (int i = 0; i < image.length; i++) {
            image[i] = fine.mean((i % columns - left) * FINE, (i / columns - top) * FINE, FINE);
            most = Math.max(most, image[i]);
        }
        for (int i = 0; i < image.length; i++) {
            image[i] /= most;
        }
        return new Grey(image, columns, rows);
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
    private Grey thickened(Grey fine) {
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
        int radius = (int) Math.round((THIN * FINE * size - 2.0 * inside / edge) / 2);
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
    private static double place(double centre, double size, int side) {
        return Math.max(0, Math.min(side - size, Math.round(side / 2.0 - centre)));
    }
}
