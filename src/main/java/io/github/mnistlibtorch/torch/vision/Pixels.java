package io.github.mnistlibtorch.torch.vision;

import java.awt.image.BufferedImage;
import java.awt.image.Raster;

/**
 * An 8-bit image as Pillow has it: the operations that datasets need, with Pillow's bits.
 *
 * @param samples row by row, the channels of a pixel side by side
 * @param channels 1 for grey ({@code "L"}), 3 for {@code "RGB"}
 */
public record Pixels(byte[] samples, int width, int height, int channels) {
    /** Of the weights of {@link #resize}, as whole numbers. */
    private static final int PRECISION_BITS = 22;

    /** Pixels that are held at once. */
    private static final int MOST = 300_000_000;

    /** {@code image.convert("RGB")}. */
    public static Pixels of(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        byte[] samples = new byte[3 * width * height];
        boolean grey = ImageFile.isGrey(image.getColorModel());
        int shift = Math.max(0, image.getColorModel().getComponentSize(0) - 8);
        int most = (1 << Math.min(8, image.getColorModel().getComponentSize(0))) - 1;
        Raster raster = image.getRaster();
        int at = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int rgb = grey ? 0x010101 * ((raster.getSample(x, y, 0) >> shift) * 255 / most) : image.getRGB(x, y);
                samples[at++] = (byte) (rgb >> 16);
                samples[at++] = (byte) (rgb >> 8);
                samples[at++] = (byte) rgb;
            }
        }
        return new Pixels(samples, width, height, 3);
    }

    /** {@code image.convert("RGB")}. */
    public Pixels rgb() {
        if (channels == 3) {
            return this;
        }
        byte[] rgb = new byte[3 * samples.length];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = samples[i / 3];
        }
        return new Pixels(rgb, width, height, 3);
    }

    /** {@code image.convert("L")}. */
    public Pixels grey() {
        if (channels == 1) {
            return this;
        }
        byte[] grey = new byte[width * height];
        for (int i = 0; i < grey.length; i++) {
            int red = samples[3 * i] & 0xff;
            int green = samples[3 * i + 1] & 0xff;
            int blue = samples[3 * i + 2] & 0xff;
            grey[i] = (byte) (red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16);
        }
        return new Pixels(grey, width, height, 1);
    }

    /** {@code torchvision.transforms.Resize((height, width))}: bilinear, with antialiasing. */
    public Pixels resize(int newWidth, int newHeight) {
        Pixels wide =
                newWidth == width ? this : transposed().resizeRows(newWidth).transposed();
        return newHeight == height ? wide : wide.resizeRows(newHeight);
    }

    /** Other rows of as many pixels, each the mean of some of these. */
    private Pixels resizeRows(int newHeight) {
        double scale = (double) height / newHeight;
        double support = Math.max(1, scale);
        int rowBytes = width * channels;
        byte[] resized = new byte[rowBytes * newHeight];
        for (int row = 0; row < newHeight; row++) {
            double centre = (row + 0.5) * scale;
            int first = Math.max(0, (int) (centre - support + 0.5));
            int count = Math.min(height, (int) (centre + support + 0.5)) - first;
            int[] weights = weights(first - centre + 0.5, support, count);
            for (int i = 0; i < rowBytes; i++) {
                int sum = 1 << (PRECISION_BITS - 1);
                for (int k = 0; k < count; k++) {
                    sum += weights[k] * (samples[(first + k) * rowBytes + i] & 0xff);
                }
                resized[row * rowBytes + i] = (byte) Math.max(0, Math.min(255, sum >> PRECISION_BITS));
            }
        }
        return new Pixels(resized, width, newHeight, channels);
    }

    /** Of rows that begin at a distance from the centre: a triangle. */
    private static int[] weights(double first, double support, int count) {
        double[] weights = new double[count];
        double sum = 0;
        for (int k = 0; k < count; k++) {
            weights[k] = Math.max(0, 1 - Math.abs((k + first) * (1 / support)));
            sum += weights[k];
        }
        int[] whole = new int[count];
        for (int k = 0; k < count; k++) {
            whole[k] = (int) (0.5 + weights[k] / sum * (1 << PRECISION_BITS));
        }
        return whole;
    }

    /** Rows for columns. */
    public Pixels transposed() {
        return turned(Orientation.TRANSPOSED);
    }

    /** {@code ImageOps.exif_transpose(image)}, of an image with that orientation. */
    public Pixels turned(Orientation orientation) {
        byte[] turned = new byte[samples.length];
        for (int i = 0; i < width * height; i++) {
            System.arraycopy(samples, orientation.source(i, width, height) * channels, turned, i * channels, channels);
        }
        return orientation.isTransposed()
                ? new Pixels(turned, height, width, channels)
                : new Pixels(turned, width, height, channels);
    }

    /** {@code ImageOps.invert(image)}. */
    public Pixels inverted() {
        byte[] inverted = new byte[samples.length];
        for (int i = 0; i < inverted.length; i++) {
            inverted[i] = (byte) ~samples[i];
        }
        return new Pixels(inverted, width, height, channels);
    }

    /** Whether most of the values at the border are in the lighter half. */
    public boolean isBorderLight() {
        int light = 0;
        int border = 0;
        for (int i = 0; i < samples.length; i++) {
            int x = i / channels % width;
            int y = i / channels / width;
            if (x == 0 || y == 0 || x == width - 1 || y == height - 1) {
                border++;
                light += samples[i] < 0 ? 1 : 0;
            }
        }
        return 2 * light > border;
    }

    /** One channel after the other, as a tensor has them. */
    public byte[] planes() {
        byte[] planes = new byte[samples.length];
        int pixels = width * height;
        for (int i = 0; i < samples.length; i++) {
            planes[i % channels * pixels + i / channels] = samples[i];
        }
        return planes;
    }
}
