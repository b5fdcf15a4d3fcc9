package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.vision.Mnist;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import org.bytedeco.pytorch.Tensor;

/** Digits of MNIST's test set, drawn again with sharp strokes, on paper as people photograph it. */
final class DigitPictures {
    private static final int SIDE = 400;
    private static final int STROKES = 280;
    private static final int MNIST_SIDE = 28;
    private static final double[] LIGHT_BLUE = {0.66, 0.75, 0.9};
    private static final double[] GREY = {0.45, 0.45, 0.45};

    private final Mnist mnist = Mnist.bundled(Mnist.Split.TEST);

    /** How a digit lies on its paper; what differs from picture to picture is drawn from a generator. */
    enum Kind {
        CLEAN((paper, random) -> {}),
        LIGHT_ON_DARK((paper, random) -> {
            paper.light = 0.1;
            paper.ink = 0.9;
        }),
        RULED((paper, random) -> paper.ruled(LIGHT_BLUE, 48, 0)),
        RULED_GREY((paper, random) -> paper.ruled(GREY, random.nextInt(40, 60), 0)),
        RULED_ASKEW((paper, random) -> paper.ruled(LIGHT_BLUE, 45, random.nextDouble(0.02, 0.06))),
        SQUARED((paper, random) -> {
            paper.ruled(LIGHT_BLUE, random.nextInt(25, 35), 0);
            paper.squared = true;
        }),
        PENCIL((paper, random) -> {
            paper.ink = 0.6;
            paper.patchy = 0.5;
            paper.noise = 0.015;
        }),
        PENCIL_ON_SQUARED((paper, random) -> {
            paper.ruled(LIGHT_BLUE, 30, 0);
            paper.squared = true;
            paper.ink = 0.5;
            paper.patchy = 0.3;
            paper.noise = 0.01;
        }),
        DUST((paper, random) -> paper.specks = 6),
        PENCIL_AND_DUST((paper, random) -> {
            paper.ink = 0.6;
            paper.specks = 8;
        }),
        FRAME((paper, random) -> {
            paper.frame = random.nextInt(3, 9);
            paper.frameFrom = random.nextInt(10);
        }),
        TABLE_EDGE((paper, random) -> paper.table(random, 1)),
        TABLE_CORNER((paper, random) -> paper.table(random, 2)),
        DARK_CORNERS((paper, random) -> {
            paper.darkCorners = 0.45;
            paper.noise = 0.015;
        }),
        SHADOW((paper, random) -> {
            paper.shadowFrom = SIDE * random.nextDouble(0.3, 0.7);
            paper.noise = 0.01;
        }),
        UNEVEN_LIGHT((paper, random) -> {
            paper.fallOffX = random.nextDouble(-0.25, 0.25);
            paper.fallOffY = random.nextDouble(-0.25, 0.25);
            paper.light = 0.75;
            paper.noise = 0.01;
        }),
        SMALL_IN_NOISE((paper, random) -> {
            paper.scale = 0.3;
            paper.light = 0.7;
            paper.noise = 0.04;
        }),
        GRAIN((paper, random) -> {
            paper.light = 0.8;
            paper.noise = 0.08;
        }),
        ROTATED((paper, random) -> paper.degrees = random.nextDouble(-20, 20)),
        SMALL((paper, random) -> {
            paper.scale = 0.25;
            paper.noise = 0.01;
        }),
        CROPPED((paper, random) -> paper.cropped = true),
        PRINTED_BOX((paper, random) -> paper.box = random.nextInt(290, 320)),
        TIGHT_BOX((paper, random) -> paper.box = random.nextInt(230, 250)),
        PHOTOGRAPH((paper, random) -> {
            paper.ruled(LIGHT_BLUE, 50, random.nextDouble(-0.06, 0.06));
            paper.light = 0.75;
            paper.ink = 0.2;
            paper.darkCorners = 0.25;
            paper.noise = 0.02;
            paper.specks = 3;
            paper.scale = 0.6;
            paper.degrees = random.nextDouble(-8, 8);
        }),
        THIN_LINES((paper, random) -> {}),
        OFF_CENTRE_28((paper, random) -> {}),
        SPECK_28((paper, random) -> {});

        private final BiConsumer<Paper, Random> settings;

        Kind(BiConsumer<Paper, Random> settings) {
            this.settings = settings;
        }
    }

    private static final class Paper {
        private double light = 1;
        private double ink = 0.05;
        private double scale = 0.85;
        private double degrees;
        private double[] lines = {1, 1, 1};
        private int ruled;
        private double askew;
        private boolean squared;
        private double noise;
        private double patchy;
        private int specks;
        private int frame;
        private int frameFrom;
        private int box;
        private int tableSides;
        private int tableSide;
        private int tableWidth;
        private double darkCorners;
        private double fallOffX;
        private double fallOffY;
        private double shadowFrom;
        private boolean cropped;

        private void ruled(double[] colour, int distance, double slope) {
            lines = colour;
            ruled = distance;
            askew = slope;
        }

        private void table(Random random, int sides) {
            tableSides = sides;
            tableSide = random.nextInt(4);
            tableWidth = random.nextInt(15, 70);
            askew = random.nextDouble(-0.08, 0.08);
            noise = 0.01;
        }

        /** Brightness of a pixel in red, green or blue, if so large a share of it is under ink. */
        private double brightness(int x, int y, int colour, double share) {
            double middle = SIDE / 2.0;
            double inset = Math.min(Math.min(x, SIDE - 1 - x), Math.min(y, SIDE - 1 - y));
            double fromMiddle = Math.max(Math.abs(x - middle), Math.abs(y - middle));
            boolean isInBox = fromMiddle < box / 2.0 && fromMiddle >= box / 2.0 - 4;
            if (isInBox || inset >= frameFrom && inset < frameFrom + frame) {
                return 0.05;
            }
            double[] sides = {x + askew * y, y - askew * x, SIDE - x + askew * y, SIDE - y - askew * x};
            for (int side = 0; side < tableSides; side++) {
                if (sides[(tableSide + side) % 4] < tableWidth) {
                    return 0.35 - 0.08 * colour;
                }
            }
            boolean isLine = ruled > 0
                    && (Math.floorMod((int) Math.floor(y + askew * x), ruled) < 2
                            || squared && Math.floorMod((int) Math.floor(x - askew * y), ruled) < 2);
            double distance2 = (Math.pow(x - middle, 2) + Math.pow(y - middle, 2)) / (2 * middle * middle);
            double lamp = (1 - darkCorners * distance2)
                    * (1 + fallOffX * (x / middle - 1) + fallOffY * (y / middle - 1))
                    * (x + y / 3.0 < shadowFrom ? 0.65 : 1);
            double under = light * (isLine ? lines[colour] : 1);
            return lamp * (under + share * (ink - under));
        }
    }

    long label(int index) {
        return mnist.label(index);
    }

    /** The picture of a kind with a digit of the test set, always the same one. */
    BufferedImage picture(Kind kind, int index) {
        Random random = new Random(1_000L * kind.ordinal() + index);
        if (kind == Kind.THIN_LINES) {
            return thinLines(index);
        }
        if (kind == Kind.OFF_CENTRE_28) {
            return moved(index, random.nextBoolean() ? 3 : -3, random.nextBoolean() ? 4 : -4);
        }
        if (kind == Kind.SPECK_28) {
            BufferedImage image = moved(index, 0, 0);
            image.getRaster().setSample(random.nextInt(4), random.nextInt(MNIST_SIDE), 0, 0);
            return image;
        }
        Paper paper = new Paper();
        kind.settings.accept(paper, random);
        BufferedImage image = drawn(strokes(index), paper, random);
        return paper.cropped ? cropped(image) : image;
    }

    private float[] pixels(int index) {
        float[] values = new float[MNIST_SIDE * MNIST_SIDE];
        try (Tensor image = mnist.get(index).image()) {
            image.data_ptr_float().get(values);
        }
        return values;
    }

    /** Dark on light, and not in the middle. */
    private BufferedImage moved(int index, int right, int down) {
        float[] values = pixels(index);
        BufferedImage image = new BufferedImage(MNIST_SIDE, MNIST_SIDE, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < values.length; i++) {
            int x = i % MNIST_SIDE - right;
            int y = i / MNIST_SIDE - down;
            boolean isInside = x >= 0 && y >= 0 && x < MNIST_SIDE && y < MNIST_SIDE;
            float value = isInside ? values[y * MNIST_SIDE + x] : 0;
            image.getRaster().setSample(i % MNIST_SIDE, i / MNIST_SIDE, 0, Math.round(255 * (1 - value)));
        }
        return image;
    }

    /** Ten times as large, with sharp edges: ink from 0 to 1. */
    private double[][] strokes(int index) {
        float[] values = pixels(index);
        BufferedImage small = new BufferedImage(MNIST_SIDE, MNIST_SIDE, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < values.length; i++) {
            small.getRaster().setSample(i % MNIST_SIDE, i / MNIST_SIDE, 0, Math.round(255 * values[i]));
        }
        BufferedImage large = new BufferedImage(STROKES, STROKES, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = large.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        graphics.drawImage(small, 0, 0, STROKES, STROKES, null);
        graphics.dispose();
        double[][] strokes = new double[STROKES][STROKES];
        for (int i = 0; i < STROKES * STROKES; i++) {
            double value = large.getRaster().getSample(i % STROKES, i / STROKES, 0) / 255.0;
            strokes[i / STROKES][i % STROKES] = Math.max(0, Math.min(1, 6 * (value - 0.5) + 0.5));
        }
        return strokes;
    }

    private static BufferedImage drawn(double[][] strokes, Paper paper, Random random) {
        AffineTransform toStrokes = new AffineTransform();
        toStrokes.translate(STROKES / 2.0, STROKES / 2.0);
        toStrokes.scale(1 / paper.scale, 1 / paper.scale);
        toStrokes.rotate(Math.toRadians(-paper.degrees));
        toStrokes.translate(-SIDE / 2.0, -SIDE / 2.0);
        double[] patches = random.doubles((SIDE / 4) * (SIDE / 4)).toArray();
        BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        double[] at = new double[2];
        for (int i = 0; i < SIDE * SIDE; i++) {
            int x = i % SIDE;
            int y = i / SIDE;
            at[0] = x;
            at[1] = y;
            toStrokes.transform(at, 0, at, 0, 1);
            double share = at(strokes, at[0], at[1]) * (1 - paper.patchy * patches[y / 4 * (SIDE / 4) + x / 4]);
            double noise = paper.noise * random.nextGaussian();
            int rgb = 0;
            for (int colour = 0; colour < 3; colour++) {
                double value = paper.brightness(x, y, colour, share) + noise;
                rgb = rgb << 8 | (int) Math.round(255 * Math.max(0, Math.min(1, value)));
            }
            image.setRGB(x, y, rgb);
        }
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.BLACK);
        for (int speck = 0; speck < paper.specks; speck++) {
            graphics.fillRect(random.nextInt(SIDE), random.nextInt(SIDE), 3, 3);
        }
        graphics.dispose();
        return image;
    }

    /** Bilinear interpolation. */
    private static double at(double[][] strokes, double x, double y) {
        int left = (int) Math.floor(x);
        int top = (int) Math.floor(y);
        if (left < 0 || top < 0 || left + 1 >= STROKES || top + 1 >= STROKES) {
            return 0;
        }
        double upper = strokes[top][left] + (x - left) * (strokes[top][left + 1] - strokes[top][left]);
        double lower = strokes[top + 1][left] + (x - left) * (strokes[top + 1][left + 1] - strokes[top + 1][left]);
        return upper + (y - top) * (lower - upper);
    }

    /** Up to four pixels around the digit. */
    private static BufferedImage cropped(BufferedImage image) {
        int left = SIDE;
        int top = SIDE;
        int right = 0;
        int bottom = 0;
        for (int i = 0; i < SIDE * SIDE; i++) {
            if ((image.getRGB(i % SIDE, i / SIDE) & 0xff) < 128) {
                left = Math.min(left, i % SIDE - 4);
                right = Math.max(right, i % SIDE + 5);
                top = Math.min(top, i / SIDE - 4);
                bottom = i / SIDE + 5;
            }
        }
        return image.getSubimage(left, top, right - left, bottom - top);
    }

    /** The middle of the strokes, as lines of two pixels on a large canvas. */
    private BufferedImage thinLines(int index) {
        double[][] strokes = strokes(index);
        boolean[][] isInk = new boolean[STROKES][STROKES];
        for (int i = 0; i < STROKES * STROKES; i++) {
            isInk[i / STROKES][i % STROKES] = strokes[i / STROKES][i % STROKES] > 0.5;
        }
        thin(isInk);
        int side = 5 * SIDE;
        BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, side, side);
        graphics.setColor(Color.BLACK);
        graphics.setStroke(new BasicStroke(2));
        graphics.translate(300, 300);
        for (int y = 1; y < STROKES - 1; y++) {
            for (int x = 1; x < STROKES - 1; x++) {
                for (int[] step : new int[][] {{1, 0}, {0, 1}, {1, 1}, {-1, 1}}) {
                    if (isInk[y][x] && isInk[y + step[1]][x + step[0]]) {
                        graphics.drawLine(5 * x, 5 * y, 5 * (x + step[0]), 5 * (y + step[1]));
                    }
                }
            }
        }
        graphics.dispose();
        return image;
    }

    /** T. Y. Zhang, C. Y. Suen, "A fast parallel algorithm for thinning digital patterns". */
    private static void thin(boolean[][] isInk) {
        int[][] around = {{0, -1}, {1, -1}, {1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}};
        boolean isFinished = false;
        while (!isFinished) {
            isFinished = true;
            for (int pass = 0; pass < 2; pass++) {
                List<int[]> removed = new ArrayList<>();
                for (int y = 1; y < STROKES - 1; y++) {
                    for (int x = 1; x < STROKES - 1; x++) {
                        boolean[] near = new boolean[8];
                        int count = 0;
                        for (int i = 0; i < 8; i++) {
                            near[i] = isInk[y + around[i][1]][x + around[i][0]];
                            count += near[i] ? 1 : 0;
                        }
                        int begins = 0;
                        for (int i = 0; i < 8; i++) {
                            begins += !near[i] && near[(i + 1) % 8] ? 1 : 0;
                        }
                        boolean isEdge = pass == 0
                                ? !(near[2] && near[4] && (near[0] || near[6]))
                                : !(near[0] && near[6] && (near[2] || near[4]));
                        if (isInk[y][x] && count >= 2 && count <= 6 && begins == 1 && isEdge) {
                            removed.add(new int[] {x, y});
                        }
                    }
                }
                removed.forEach(pixel -> isInk[pixel[1]][pixel[0]] = false);
                isFinished &= removed.isEmpty();
            }
        }
    }
}
