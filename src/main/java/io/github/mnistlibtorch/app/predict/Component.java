package io.github.mnistlibtorch.app.predict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * A connected component of the ink of an image, corners included, or several that are one digit.
 *
 * @param pixels their indices in the image, row by row
 * @param mass sum of their ink
 */
record Component(int[] pixels, Box box, double mass) {
    /** The components of the pixels that a test holds for, in the order of their first pixels. */
    static List<Component> of(Grey ink, IntPredicate test) {
        int width = ink.width();
        boolean[] open = new boolean[ink.values().length];
        for (int i = 0; i < open.length; i++) {
            open[i] = test.test(i);
        }
        List<Component> components = new ArrayList<>();
        int[] found = new int[open.length];
        for (int start = 0; start < open.length; start++) {
            if (!open[start]) {
                continue;
            }
            int count = 0;
            found[count++] = start;
            open[start] = false;
            for (int i = 0; i < count; i++) {
                for (int near = 0; near < 9; near++) {
                    int x = found[i] % width - 1 + near % 3;
                    int y = found[i] / width - 1 + near / 3;
                    if (ink.contains(x, y) && open[y * width + x]) {
                        open[y * width + x] = false;
                        found[count++] = y * width + x;
                    }
                }
            }
            components.add(of(ink, Arrays.copyOf(found, count)));
        }
        return components;
    }

    private static Component of(Grey ink, int[] pixels) {
        int left = ink.width();
        int right = 0;
        int top = ink.height();
        int bottom = 0;
        double mass = 0;
        for (int pixel : pixels) {
            left = Math.min(left, pixel % ink.width());
            right = Math.max(right, pixel % ink.width());
            top = Math.min(top, pixel / ink.width());
            bottom = Math.max(bottom, pixel / ink.width());
            mass += ink.values()[pixel];
        }
        return new Component(pixels, new Box(left, top, right + 1 - left, bottom + 1 - top), mass);
    }

    Component and(Component other) {
        int[] all = Arrays.copyOf(pixels, pixels.length + other.pixels.length);
        System.arraycopy(other.pixels, 0, all, pixels.length, other.pixels.length);
        return new Component(all, box.and(other.box), mass + other.mass);
    }

    /** Ink of a pixel, on average. */
    double mean() {
        return mass / pixels.length;
    }
}
