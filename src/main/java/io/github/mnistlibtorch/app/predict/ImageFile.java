package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.stream.FileImageInputStream;
import javax.imageio.stream.ImageInputStream;

/** Reads a picture, whatever it shows, as grey values: PNG, JPEG, BMP or GIF (its first frame). */
final class ImageFile {
    private static final List<String> FORMATS = List.of("png", "jpeg", "bmp", "gif");

    /** So many pixels may a file claim, however small it is: two thousand by two thousand. */
    private static final long ALWAYS = 4_000_000;

    /** And so many for each of its bytes; a photograph has ten, a line drawing some hundred, blank paper some thousand. */
    private static final long MOST_RATIO = 2_000;

    /** The largest photographs of telephones have 200 million. */
    private static final long MOST = 300_000_000;

    /** The longer side of what is read, at most: of larger pictures, squares of pixels are averaged. */
    private static final int LARGE = 1_000;

    /** Of pictures with more pixels, only every second pixel of every second row is decoded, or fewer still. */
    private static final int DECODED = 16_000_000;

    /** So many pixels are decoded at once, about. */
    private static final int STRIP = 2_000_000;

    /** From this of Exif's orientations on, rows are shown as columns. */
    private static final int TRANSPOSED = 5;

    private ImageFile() {}

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
        InputException.requireFile(file, "name a picture");
        int orientation = orientation(file);
        try (ImageInputStream in = new FileImageInputStream(file.toFile())) {
            ImageReader reader = reader(in, file);
            try {
                reader.setInput(in, /* seekForwardOnly= */ false, /* ignoreMetadata= */ true);
                requirePlausible(reader.getWidth(0), reader.getHeight(0), file);
                return read(reader, orientation);
            } catch (IOException | RuntimeException e) {
                throw e instanceof InputException known ? known : damaged(file, e);
            } finally {
                reader.dispose();
            }
        }
    }

    private static int orientation(Path file) throws IOException {
        try {
            return ImageSegments.orientation(file);
        } catch (EOFException e) {
            throw damaged(file, e);
        }
    }

    private static ImageReader reader(ImageInputStream in, Path file) throws IOException {
        for (Iterator<ImageReader> readers = ImageIO.getImageReaders(in); readers.hasNext(); ) {
            ImageReader reader = readers.next();
            if (FORMATS.contains(reader.getFormatName().toLowerCase(Locale.ROOT))) {
                return reader;
            }
        }
        throw new InputException(file + " is not a picture in PNG, JPEG, BMP or GIF; save it as one of these");
    }

    private static void requirePlausible(long width, long height, Path file) throws IOException {
        long pixels = width * height;
        if (width < 1 || height < 1 || pixels > MOST || pixels > Math.max(ALWAYS, MOST_RATIO * Files.size(file))) {
            throw new InputException(file + " claims to be a picture of " + width + " x " + height
                    + " pixels, which its " + Files.size(file) + " bytes can hardly be; save it again, smaller");
        }
    }

    private static InputException damaged(Path file, Exception e) {
        return new InputException(file + " is a damaged picture; save it again", e);
    }

    /** Decodes a picture a strip at a time, and averages squares of pixels if it is large. */
    private static Image read(ImageReader reader, int orientation) throws IOException {
        int width = reader.getWidth(0);
        int height = reader.getHeight(0);
        int step = (int) Math.ceil(Math.sqrt((double) width * height / DECODED));
        int square = Math.max(1, (Math.max(width, height) + LARGE * step - 1) / (LARGE * step));
        int rows = (int) Math.min(height, (long) square * step * Math.max(1, STRIP / ((long) width * square)));
        Averages averages = new Averages(cells(width, square * step), cells(height, square * step));
        for (int top = 0; top < height; top += rows) {
            ImageReadParam param = reader.getDefaultReadParam();
            param.setSourceRegion(new Rectangle(0, top, width, Math.min(rows, height - top)));
            param.setSourceSubsampling(step, step, 0, 0);
            averages.add(reader.read(0, param), top / (square * step), square);
        }
        boolean isTransposed = orientation >= TRANSPOSED;
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
            // Java takes grey for linear, and would make it brighter on the way to RGB.
            boolean plain = colors.getNumColorComponents() == 1 && !(colors instanceof IndexColorModel);
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

    /** As Exif's orientation says that a picture is to be shown. */
    private static Grey turned(Grey grey, int orientation) {
        boolean isTransposed = orientation >= TRANSPOSED;
        int width = isTransposed ? grey.height() : grey.width();
        int height = isTransposed ? grey.width() : grey.height();
        float[] values = new float[grey.values().length];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int fromX = isTransposed ? y : x;
                int fromY = isTransposed ? x : y;
                boolean mirrored = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
                boolean upsideDown = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
                values[y * width + x] = grey.at(
                        mirrored ? grey.width() - 1 - fromX : fromX, upsideDown ? grey.height() - 1 - fromY : fromY);
            }
        }
        return new Grey(values, width, height);
    }
}
