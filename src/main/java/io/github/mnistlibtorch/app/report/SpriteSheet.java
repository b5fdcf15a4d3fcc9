package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.vision.Png;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Images of one size in one PNG, for a page that cuts them out. */
final class SpriteSheet {
    /** Larger images are shown smaller. */
    private static final int MOST_SIDE = 64;

    private static final int PER_ROW = 16;

    private static final int ZERO = 128;

    /** Weights are noise, which takes room: fewer shades than there could be look the same. */
    private static final int STEPS = 31;

    private static final int STEP = 4;

    private SpriteSheet() {}

    /** By how much an image of this size is shrunk, in both directions: 1 if it is not. */
    static int shrinking(int width, int height) {
        return (Math.max(width, height) + MOST_SIDE - 1) / MOST_SIDE;
    }

    /** A side that has been shrunk. */
    static int shrunk(int side, int by) {
        return Math.max(1, side / by);
    }

    /**
     * The mean of each square of pixels; what is less than a square at the right and the lower end is left out.
     *
     * @param values row by row, one channel after the other
     */
    static float[] shrink(float[] values, int channels, int width, int height, int by) {
        if (by == 1) {
            return values;
        }
        int columns = shrunk(width, by);
        int rows = shrunk(height, by);
        float[] small = new float[channels * rows * columns];
        for (int i = 0; i < small.length; i++) {
            int channel = i / (rows * columns);
            int top = i / columns % rows * by;
            int left = i % columns * by;
            int bottom = Math.min(height, top + by);
            int right = Math.min(width, left + by);
            double sum = 0;
            for (int y = top; y < bottom; y++) {
                for (int x = left; x < right; x++) {
                    sum += values[(channel * height + y) * width + x];
                }
            }
            small[i] = (float) (sum / ((bottom - top) * (right - left)));
        }
        return small;
    }

    /**
     * What the page needs to cut them out.
     *
     * @param images samples of 8 bits, row by row, the channels of a pixel side by side
     */
    static Map<String, Object> of(List<byte[]> images, int width, int height, int channels) throws IOException {
        int columns = Math.max(1, Math.min(PER_ROW, images.size()));
        int rows = Math.max(1, (images.size() + columns - 1) / columns);
        int line = width * channels;
        byte[] samples = new byte[rows * height * columns * line];
        for (int i = 0; i < images.size(); i++) {
            for (int y = 0; y < height; y++) {
                int row = i / columns * height + y;
                System.arraycopy(images.get(i), y * line, samples, (row * columns + i % columns) * line, line);
            }
        }
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        Png.write(samples, columns * width, rows * height, channels, png);
        Map<String, Object> sheet = new LinkedHashMap<>();
        sheet.put("columns", columns);
        sheet.put("width", width);
        sheet.put("height", height);
        sheet.put("png", Base64.getEncoder().encodeToString(png.toByteArray()));
        return sheet;
    }

    /** Images of numbers of both signs: 128 is 0, and {@code scale} and what is beyond it 255, or 1 if negative. */
    static byte[] signed(float[] values, double scale) {
        byte[] samples = new byte[values.length];
        Arrays.fill(samples, (byte) ZERO);
        for (int i = 0; i < values.length; i++) {
            double share = Math.max(-1, Math.min(1, values[i] / scale));
            // Of a weight that is NaN, this makes 0.
            samples[i] = (byte) (ZERO + STEP * Math.round(share * STEPS));
        }
        return samples;
    }
}
