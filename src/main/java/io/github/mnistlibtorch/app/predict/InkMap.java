package io.github.mnistlibtorch.app.predict;

import java.util.Arrays;

/**
 * How much ink lies on each pixel of an image: 0 for paper, 1 for black on it. The brightness of the paper is looked for around
 * each pixel, so that a shadow or dark corners are no ink, and ruled lines are taken out.
 *
 * @param ink with the size of the image
 * @param grain what is below this is noise of the image
 * @param paper brightness of the paper, its median, from 0 to 1
 */
record InkMap(Grey ink, float grain, float paper) {
    /** The paper is looked for in so many cells along the longer side, which evens out its noise. */
    private static final int CELLS = 100;

    /** A stroke is narrower than this share of the longer side. */
    private static final double WIDEST_STROKE = 0.9;

    private static final float FINEST_GRAIN = 0.08f;

    /** Noise in standard deviations that is not told from ink. */
    private static final float DEVIATIONS = 4;

    /** The brightest of many values is so many of them above the mean, about. */
    private static final float BRIGHTEST = 2;

    /** Darker paper is taken for so bright, or its noise would be ink. */
    private static final float DARKEST_PAPER = 0.25f;

    /** A ruled line is at least so long and at most so thick, as shares of the side of the image. */
    private static final double LINE_LENGTH = 0.6;

    private static final double LINE_THICKNESS = 0.015;

    static InkMap of(Grey image, boolean darkOnLight) {
        Grey sharp = darkOnLight ? image : image.inverted();
        // A large image has sharpness to spare.
        boolean isLarge = Math.max(image.width(), image.height()) >= 2 * CELLS;
        Grey grey = isLarge ? blurred(sharp) : sharp;
        float noise = noise(sharp) / (isLarge ? 3 : 1);
        Grey paper = paper(grey);
        float median = Grey.median(paper.values().clone());
        float grain = Math.max(FINEST_GRAIN, DEVIATIONS * noise / Math.max(median, DARKEST_PAPER));
        float[] ink = new float[grey.values().length];
        for (int i = 0; i < ink.length; i++) {
            float light = paper.values()[i];
            // The paper of a closing is as bright as the brightest of its grain.
            ink[i] = Math.max(0, light - BRIGHTEST * noise - grey.values()[i]) / Math.max(light, DARKEST_PAPER);
        }
        Grey map = new Grey(ink, grey.width(), grey.height());
        removeLines(map, grain, map.width(), map.height(), 1, map.width());
        removeLines(map, grain, map.height(), map.width(), map.width(), 1);
        return new InkMap(map, grain, darkOnLight ? median : 1 - median);
    }

    /** Most of an image is paper: its median is nearer to the lightest than to the darkest that it shows. */
    static boolean isPaperLight(Grey image) {
        return isLight(image.values().clone(), image);
    }

    /** And so is most of its border. */
    static boolean isBorderLight(Grey image) {
        int width = image.width();
        int height = image.height();
        float[] border = new float[2 * (width + height)];
        int count = 0;
        for (int x = 0; x < width; x++) {
            border[count++] = image.at(x, 0);
            border[count++] = image.at(x, height - 1);
        }
        for (int y = 0; y < height; y++) {
            border[count++] = image.at(0, y);
            border[count++] = image.at(width - 1, y);
        }
        return isLight(border, image);
    }

    private static boolean isLight(float[] part, Grey image) {
        float[] sorted = image.values().clone();
        Arrays.sort(sorted);
        int few = sorted.length / 200;
        return Grey.median(part) >= (sorted[few] + sorted[sorted.length - 1 - few]) / 2;
    }

    /** The paper under each pixel: a closing of the cells with a square that is wider than strokes. */
    private static Grey paper(Grey grey) {
        int side = Math.max(1, Math.max(grey.width(), grey.height()) / CELLS);
        int width = (grey.width() + side - 1) / side;
        int height = (grey.height() + side - 1) / side;
        float[] cells = new float[width * height];
        for (int i = 0; i < cells.length; i++) {
            int left = Math.max(0, Math.min(i % width * side, grey.width() - side));
            int top = Math.max(0, Math.min(i / width * side, grey.height() - side));
            cells[i] = grey.mean(left, top, side);
        }
        double[] slope = slope(cells, width, height);
        for (int i = 0; i < cells.length; i++) {
            cells[i] -= (float) (slope[0] * (i % width) + slope[1] * (i / width));
        }
        int reach = (int) Math.max(1, Math.round(WIDEST_STROKE * Math.max(width, height) / 2));
        Grey closed = new Grey(cells, width, height);
        for (boolean largest : new boolean[] {true, false}) {
            closed = extreme(extreme(closed, reach, largest, true), reach, largest, false);
        }
        float[] paper = new float[grey.values().length];
        for (int y = 0; y < grey.height(); y++) {
            for (int x = 0; x < grey.width(); x++) {
                double column = (x + 0.5) / side - 0.5;
                double row = (y + 0.5) / side - 0.5;
                double light = between(closed, column, row) + slope[0] * column + slope[1] * row;
                paper[y * grey.width() + x] = (float) Math.max(0, Math.min(1, light));
            }
        }
        return new Grey(paper, grey.width(), grey.height());
    }

    /**
     * How light falls off from one side to the other, for each cell to the right and down: a closing would take the darker end for
     * ink. The medians of a side do not see what is drawn there.
     */
    private static double[] slope(float[] cells, int width, int height) {
        float[][] sides = new float[4][cells.length];
        int[] counts = new int[4];
        for (int i = 0; i < cells.length; i++) {
            int x = i % width;
            int y = i / width;
            boolean[] isAt = {3 * x < width, 3 * x >= 2 * width, 3 * y < height, 3 * y >= 2 * height};
            for (int side = 0; side < 4; side++) {
                if (isAt[side]) {
                    sides[side][counts[side]++] = cells[i];
                }
            }
        }
        double[] medians = new double[4];
        for (int side = 0; side < 4; side++) {
            medians[side] = counts[side] == 0 ? 0 : Grey.median(Arrays.copyOf(sides[side], counts[side]));
        }
        return new double[] {
            counts[1] == 0 ? 0 : (medians[1] - medians[0]) / (2 * width / 3.0),
            counts[3] == 0 ? 0 : (medians[3] - medians[2]) / (2 * height / 3.0)
        };
    }

    /** The largest or the smallest value within {@code reach} of each pixel, along one axis. */
    private static Grey extreme(Grey grey, int reach, boolean largest, boolean across) {
        float[] values = new float[grey.values().length];
        int length = across ? grey.width() : grey.height();
        int lines = across ? grey.height() : grey.width();
        int step = across ? 1 : grey.width();
        // Those that may yet be the extreme: each is better than all that follow, so that the first is the best.
        int[] candidates = new int[length];
        for (int line = 0; line < lines; line++) {
            int start = line * (across ? grey.width() : 1);
            int first = 0;
            int end = 0;
            for (int i = 0; i < length + reach; i++) {
                if (i < length) {
                    float value = grey.values()[start + i * step];
                    while (end > first
                            && (largest
                                    ? grey.values()[start + candidates[end - 1] * step] <= value
                                    : grey.values()[start + candidates[end - 1] * step] >= value)) {
                        end--;
                    }
                    candidates[end++] = i;
                }
                int centre = i - reach;
                if (centre >= 0) {
                    if (candidates[first] < centre - reach) {
                        first++;
                    }
                    values[start + centre * step] = grey.values()[start + candidates[first] * step];
                }
            }
        }
        return new Grey(values, grey.width(), grey.height());
    }

    /** Bilinear interpolation, with the border going on outside. */
    private static float between(Grey grey, double x, double y) {
        double insideX = Math.max(0, Math.min(grey.width() - 1, x));
        double insideY = Math.max(0, Math.min(grey.height() - 1, y));
        int left = (int) insideX;
        int top = (int) insideY;
        int right = Math.min(grey.width() - 1, left + 1);
        int bottom = Math.min(grey.height() - 1, top + 1);
        double shareX = insideX - left;
        double shareY = insideY - top;
        return (float) ((1 - shareY) * ((1 - shareX) * grey.at(left, top) + shareX * grey.at(right, top))
                + shareY * ((1 - shareX) * grey.at(left, bottom) + shareX * grey.at(right, bottom)));
    }

    /** The means of 3 × 3 pixels. */
    private static Grey blurred(Grey grey) {
        float[] values = grey.values().clone();
        for (int y = 1; y + 1 < grey.height(); y++) {
            for (int x = 1; x + 1 < grey.width(); x++) {
                float sum = 0;
                for (int near = 0; near < 9; near++) {
                    sum += grey.at(x - 1 + near % 3, y - 1 + near / 3);
                }
                values[y * grey.width() + x] = sum / 9;
            }
        }
        return new Grey(values, grey.width(), grey.height());
    }

    /** The standard deviation of the noise, from the differences of neighbours, few of which have an edge between them. */
    private static float noise(Grey grey) {
        float[] differences = new float[grey.values().length];
        for (int i = 1; i < differences.length; i++) {
            differences[i] = Math.abs(grey.values()[i] - grey.values()[i - 1]);
        }
        return Grey.median(differences) / 0.954f; // the median of |a - b| of normal a and b whose deviation is 1
    }

    /**
     * Removes thin lines that go over most of an image, but for what crosses them.
     *
     * @param length pixels of a line, each {@code along} after the one before; {@code lines} of them, each {@code across} after
     *     the one before
     */
    private static void removeLines(Grey ink, float grain, int length, int lines, int along, int across) {
        int thickest = (int) Math.max(2, Math.round(LINE_THICKNESS * Math.max(length, lines)));
        float[] values = ink.values();
        boolean[] isThin = new boolean[values.length];
        for (int at = 0; at < length; at++) {
            int first = 0;
            for (int line = 0; line <= lines; line++) {
                if (line < lines && values[at * along + line * across] > grain) {
                    continue;
                }
                for (int part = first; part < line && line - first <= thickest; part++) {
                    isThin[at * along + part * across] = true;
                }
                first = line + 1;
            }
        }
        boolean[] isLine = new boolean[lines];
        int parallel = 0;
        for (int line = 0; line < lines; line++) {
            int thin = 0;
            for (int at = 0; at < length; at++) {
                thin += isThin[at * along + line * across] ? 1 : 0;
            }
            isLine[line] = thin >= LINE_LENGTH * length;
            parallel += isLine[line] && (line == 0 || !isLine[line - 1]) ? 1 : 0;
        }
        for (int line = 0; line < lines; line++) {
            // One alone that ends before the border is a stroke.
            boolean reachesBorder = isThin[line * across] || isThin[(length - 1) * along + line * across];
            for (int at = 0; at < length && isLine[line] && (parallel > 1 || reachesBorder); at++) {
                if (isThin[at * along + line * across]) {
                    values[at * along + line * across] = 0;
                }
            }
        }
    }
}
