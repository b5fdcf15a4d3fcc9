package io.github.mnistlibtorch.app.predict;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The grey values of an image, from 0 (black) to 1 (white), row by row.
 *
 * @param values of {@code width} × {@code height} pixels, which belong to this record from now on
 */
record Grey(float[] values, int width, int height) {
    float at(int x, int y) {
        return values[y * width + x];
    }

    boolean contains(int x, int y) {
        return x >= 0 && y >= 0 && x < width && y < height;
    }

    /** Black for white and white for black. */
    Grey inverted() {
        float[] inverted = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            inverted[i] = 1 - values[i];
        }
        return new Grey(inverted, width, height);
    }

    /** Of a square of any size at any place: a pixel counts by its share of the square, and what is outside is 0. */
    float mean(double left, double top, double side) {
        double sum = 0;
        for (int y = (int) Math.max(0, top); y < Math.min(height, top + side); y++) {
            double rows = Math.min(y + 1, top + side) - Math.max(y, top);
            for (int x = (int) Math.max(0, left); x < Math.min(width, left + side); x++) {
                double columns = Math.min(x + 1, left + side) - Math.max(x, left);
                sum += rows * columns * at(x, y);
            }
        }
        return (float) (sum / (side * side));
    }

    /** The columns and rows of what is lighter than {@code least}, or null if nothing is. */
    @Nullable Box box(float least) {
        int left = width;
        int right = -1;
        int top = height;
        int bottom = -1;
        for (int i = 0; i < values.length; i++) {
            if (values[i] > least) {
                left = Math.min(left, i % width);
                right = Math.max(right, i % width);
                top = Math.min(top, i / width);
                bottom = i / width;
            }
        }
        return right < 0 ? null : new Box(left, top, right + 1 - left, bottom + 1 - top);
    }

    Grey cropped(Box box) {
        float[] cropped = new float[box.width() * box.height()];
        for (int y = 0; y < box.height(); y++) {
            System.arraycopy(values, (box.top() + y) * width + box.left(), cropped, y * box.width(), box.width());
        }
        return new Grey(cropped, box.width(), box.height());
    }

    /** Where the values have their centre, from the upper left corner of the image: column and row. */
    double[] centreOfMass() {
        double mass = 0;
        double across = 0;
        double down = 0;
        for (int i = 0; i < values.length; i++) {
            mass += values[i];
            across += values[i] * (i % width + 0.5);
            down += values[i] * (i / width + 0.5);
        }
        return new double[] {across / mass, down / mass};
    }

    /** The value in the middle of some of them, which are sorted by this. */
    static float median(float[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
