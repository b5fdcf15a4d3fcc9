package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.ToTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * A picture of one digit, made into what MNIST's are: light on dark, the digit 20 pixels in its longer direction and its
 * centre of mass in the middle of 28 × 28. That is how the makers of MNIST describe it (LeCun, Cortes, Burges,
 * "The MNIST database of handwritten digits").
 */
public final class DigitPreprocessor {
    private static final int SIDE = 28;
    private static final int DIGIT = 20;

    /** Least difference between ink and paper. */
    private static final float LEAST_CONTRAST = 0.1f;

    /** Share of the full contrast below which a pixel is grain of the paper. */
    private static final float GRAIN = 0.25f;

    /** Light that falls off from one side to the other by less than this leaves the picture as it is. */
    private static final double EVEN = 0.04;

    private DigitPreprocessor() {}

    /**
     * Reads a PNG, JPEG, BMP or GIF file of any size, light on dark or dark on light. One of 28 × 28 pixels is taken for a
     * picture of MNIST and is at most turned light on dark.
     *
     * @return float32 (1, 1, 28, 28) in [0, 1], which the caller closes
     * @throws InputException if the file cannot be read as such a picture, or shows nothing
     * @throws IOException if the disk fails
     */
    public static Tensor read(Path file) throws IOException {
        return tensor(lightOnDark(ImageFile.read(file), file));
    }

    /**
     * Takes a picture that is in memory.
     *
     * @param grey row by row, 0 for black to 255 for white
     * @param name for the exception
     * @return float32 (1, 1, 28, 28) in [0, 1], which the caller closes
     * @throws InputException if it shows nothing
     * @throws IllegalArgumentException if there are not {@code width * height} bytes
     */
    public static Tensor of(byte[] grey, int width, int height, String name) throws InputException {
        if (grey.length != width * height) {
            throw new IllegalArgumentException(grey.length + " bytes are no " + width + " x " + height + " pixels");
        }
        float[] values = new float[grey.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (grey[i] & 0xff) / 255f;
        }
        return tensor(lightOnDark(new ImageFile.Grey(values, width, height), name));
    }

    private static Tensor tensor(byte[] pixels) {
        try (Tensor image = ToTensor.toTensor(pixels, SIDE, SIDE)) {
            return image.unsqueeze(0);
        }
    }

    /** @param name a file or a word */
    static byte[] lightOnDark(ImageFile.Grey grey, Object name) throws InputException {
        boolean isOfMnist = grey.width() == SIDE && grey.height() == SIDE;
        float[] values = isOfMnist ? grey.values().clone() : evenlyLit(grey);
        float paper = border(new ImageFile.Grey(values, grey.width(), grey.height()));
        if (paper > 0.5f) {
            for (int i = 0; i < values.length; i++) {
                values[i] = 1 - values[i];
            }
            paper = 1 - paper;
        }
        if (isOfMnist) {
            return bytes(values);
        }
        float ink = paper;
        for (float value : values) {
            ink = Math.max(ink, value);
        }
        if (ink - paper < LEAST_CONTRAST) {
            throw new InputException(name + " shows no digit: everything in it is about as dark as its border");
        }
        for (int i = 0; i < values.length; i++) {
            float share = (values[i] - paper) / (ink - paper);
            values[i] = share < GRAIN ? 0 : share;
        }
        return bytes(centred(values, grey.width(), grey.height()));
    }

    /**
     * Takes away the light that falls off across a photograph: a plane through the pixels around it, by least squares. These are
     * even around the middle, so that the two slopes do not depend on each other.
     */
    private static float[] evenlyLit(ImageFile.Grey grey) {
        int width = grey.width();
        int height = grey.height();
        double middleX = (width - 1) / 2.0;
        double middleY = (height - 1) / 2.0;
        double across = 0;
        double down = 0;
        double across2 = 0;
        double down2 = 0;
        for (int i = 0; i < width * height; i++) {
            int x = i % width;
            int y = i / width;
            if (x == 0 || y == 0 || x == width - 1 || y == height - 1) {
                across += (x - middleX) * grey.values()[i];
                down += (y - middleY) * grey.values()[i];
                across2 += (x - middleX) * (x - middleX);
                down2 += (y - middleY) * (y - middleY);
            }
        }
        double slopeX = across2 == 0 ? 0 : across / across2;
        double slopeY = down2 == 0 ? 0 : down / down2;
        float[] values = grey.values().clone();
        if (Math.abs(slopeX) * width + Math.abs(slopeY) * height > EVEN) {
            for (int i = 0; i < values.length; i++) {
                double light = slopeX * (i % width - middleX) + slopeY * (i / width - middleY);
                values[i] = (float) Math.max(0, Math.min(1, values[i] - light));
            }
        }
        return values;
    }

    /** The median of the pixels around the picture: its paper. */
    private static float border(ImageFile.Grey grey) {
        int width = grey.width();
        int height = grey.height();
        float[] border = new float[2 * (width + height)];
        int count = 0;
        for (int x = 0; x < width; x++) {
            border[count++] = grey.values()[x];
            border[count++] = grey.values()[(height - 1) * width + x];
        }
        for (int y = 0; y < height; y++) {
            border[count++] = grey.values()[y * width];
            border[count++] = grey.values()[y * width + width - 1];
        }
        Arrays.sort(border);
        return border[count / 2];
    }

    private static float[] centred(float[] values, int width, int height) {
        int left = width;
        int right = -1;
        int top = height;
        int bottom = -1;
        for (int i = 0; i < values.length; i++) {
            if (values[i] > 0) {
                left = Math.min(left, i % width);
                right = Math.max(right, i % width);
                top = Math.min(top, i / width);
                bottom = i / width;
            }
        }
        double scale = (double) Math.max(right + 1 - left, bottom + 1 - top) / DIGIT;
        int digitWidth = (int) Math.max(1, Math.round((right + 1 - left) / scale));
        int digitHeight = (int) Math.max(1, Math.round((bottom + 1 - top) / scale));
        float[] digit = new float[digitWidth * digitHeight];
        float most = 0;
        double mass = 0;
        double across = 0;
        double down = 0;
        for (int y = 0; y < digitHeight; y++) {
            for (int x = 0; x < digitWidth; x++) {
                float value = mean(values, width, height, left + x * scale, top + y * scale, scale);
                digit[y * digitWidth + x] = value;
                most = Math.max(most, value);
                mass += value;
                across += value * (x + 0.5);
                down += value * (y + 0.5);
            }
        }
        int x0 = place(across / mass, digitWidth);
        int y0 = place(down / mass, digitHeight);
        float[] image = new float[SIDE * SIDE];
        for (int y = 0; y < digitHeight; y++) {
            for (int x = 0; x < digitWidth; x++) {
                image[(y0 + y) * SIDE + x0 + x] = digit[y * digitWidth + x] / most; // thin lines stay bright
            }
        }
        return image;
    }

    /** Where to begin, so that {@code centre} is in the middle, or as near as the size allows. */
    private static int place(double centre, int size) {
        return (int) Math.max(0, Math.min(SIDE - size, Math.round(SIDE / 2.0 - centre)));
    }

    /** Of a square of any size at any place; a pixel counts by its share of the square. */
    private static float mean(float[] values, int width, int height, double left, double top, double side) {
        double sum = 0;
        for (int y = (int) top; y < Math.min(height, top + side); y++) {
            double rows = Math.min(y + 1, top + side) - Math.max(y, top);
            for (int x = (int) left; x < Math.min(width, left + side); x++) {
                double columns = Math.min(x + 1, left + side) - Math.max(x, left);
                sum += rows * columns * values[y * width + x];
            }
        }
        return (float) (sum / (side * side));
    }

    private static byte[] bytes(float[] values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) Math.round(255 * values[i]);
        }
        return bytes;
    }
}
