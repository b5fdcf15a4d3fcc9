package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.ImageFile;
import io.github.mnistlibtorch.torch.vision.Orientation;
import io.github.mnistlibtorch.torch.vision.Pixels;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;

/** Reads a picture, whatever it shows, as grey values or as colours. */
final class Photograph {
    /** The longer side of what is read, at most: of larger pictures, squares of pixels are averaged. */
    private static final int LARGE = 1_000;

    /** Of pictures with more pixels, only every second pixel of every second row is decoded, or fewer still. */
    private static final int DECODED = 16_000_000;

    /** So many pixels are decoded at once, about. */
    private static final int STRIP = 2_000_000;

    private Photograph() {}

    /**
     * An image as it is to be shown.
     *
     * @param grey its grey values; what is transparent is taken for paper
     * @param pixelsPerCell how many pixels of the file, in each direction, are one of these
     * @param whole all of it, in pixels of the file
     */
    record Image(Grey grey, int pixelsPerCell, Box whole) {}

    /**
     * Reads a file, by its content and not by its name.
     *
     * @throws InputException if it is not there, is no picture of these formats, is damaged, or claims to be larger than
     *     its bytes can account for
     * @throws IOException if the disk fails
     */
    static Image read(Path file) throws IOException {
        return ImageFile.read(file, Photograph::read);
    }

    /**
     * Reads a file in colour, as it is to be shown; of a very large one, every second pixel or fewer.
     *
     * @throws InputException as {@link #read}
     * @throws IOException if the disk fails
     */
    static Pixels readColours(Path file) throws IOException {
        return ImageFile.read(file, (reader, orientation) -> {
            ImageReadParam param = reader.getDefaultReadParam();
            int step = step(reader);
            param.setSourceSubsampling(step, step, 0, 0);
            return Pixels.of(reader.read(0, param)).turned(orientation);
        });
    }

    private static int step(ImageReader reader) throws IOException {
        return (int) Math.ceil(Math.sqrt((double) reader.getWidth(0) * reader.getHeight(0) / DECODED));
    }

    /** Decodes a picture a strip at a time, and averages squares of pixels if it is large. */
    private static Image read(ImageReader reader, Orientation orientation) throws IOException {
        int width = reader.getWidth(0);
        int height = reader.getHeight(0);
        int step = step(reader);
        int square = Math.max(1, (Math.max(width, height) + LARGE * step - 1) / (LARGE * step));
        int rows = (int) Math.min(height, (long) square * step * Math.max(1, STRIP / ((long) width * square)));
        Averages averages = new Averages(cells(width, square * step), cells(height, square * step));
        for (int top = 0; top < height; top += rows) {
            ImageReadParam param = reader.getDefaultReadParam();
            param.setSourceRegion(new Rectangle(0, top, width, Math.min(rows, height - top)));
            param.setSourceSubsampling(step, step, 0, 0);
            averages.add(reader.read(0, param), top / (square * step), square);
        }
        boolean isTransposed = orientation.isTransposed();
        Box whole = new Box(0, 0, isTransposed ? height : width, isTransposed ? width : height);
        return new Image(turned(averages.grey(), orientation), square * step, whole);
    }

    private static int cells(int pixels, int size) {
        return (pixels + size - 1) / size;
    }

    /** Sums over squares of pixels. */
    private static final class Averages {
        private final int width;
        private final int height;
        private final float[] values;
        private final float[] opacities;
        private final int[] counts;

        Averages(int width, int height) {
            this.width = width;
            this.height = height;
            values = new float[width * height];
            opacities = new float[width * height];
            counts = new int[width * height];
        }

        void add(BufferedImage strip, int firstRow, int square) {
            ColorModel colors = strip.getColorModel();
            boolean plain = ImageFile.isGrey(colors);
            Raster raster = strip.getRaster();
            float white = (1 << colors.getComponentSize(0)) - 1;
            for (int y = 0; y < strip.getHeight(); y++) {
                for (int x = 0; x < strip.getWidth(); x++) {
                    int i = (firstRow + y / square) * width + x / square;
                    counts[i]++;
                    float value;
                    float opacity;
                    if (plain) {
                        value = raster.getSample(x, y, 0) / white;
                        opacity = colors.hasAlpha() ? raster.getSample(x, y, 1) / white : 1;
                    } else {
                        int argb = strip.getRGB(x, y);
                        value = (0.299f * (argb >> 16 & 0xff) + 0.587f * (argb >> 8 & 0xff) + 0.114f * (argb & 0xff))
                                / 255;
                        opacity = (argb >>> 24) / 255f;
                    }
                    values[i] += value * opacity;
                    opacities[i] += opacity;
                }
            }
        }

        /** White paper under dark ink, black under light ink. */
        Grey grey() {
            double ink = 0;
            double opaque = 0;
            for (int i = 0; i < values.length; i++) {
                ink += values[i];
                opaque += opacities[i];
            }
            float paper = ink > opaque / 2 ? 0 : 1;
            float[] grey = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                grey[i] = (values[i] + paper * (counts[i] - opacities[i])) / counts[i];
            }
            return new Grey(grey, width, height);
        }
    }

    private static Grey turned(Grey grey, Orientation orientation) {
        float[] values = new float[grey.values().length];
        for (int i = 0; i < values.length; i++) {
            values[i] = grey.values()[orientation.source(i, grey.width(), grey.height())];
        }
        return orientation.isTransposed()
                ? new Grey(values, grey.height(), grey.width())
                : new Grey(values, grey.width(), grey.height());
    }
}
