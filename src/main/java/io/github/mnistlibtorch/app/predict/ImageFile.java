package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
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

    /** Larger pictures are read with every second pixel of every second row, or fewer still. */
    private static final int LARGE = 1_000;

    private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

    private ImageFile() {}

    /**
     * Grey values from 0 (black) to 1 (white), row by row; what is transparent is taken for paper.
     *
     * @param values of {@code width} × {@code height} pixels
     */
    record Grey(float[] values, int width, int height) {}

    /**
     * Reads a file, by its content and not by its name.
     *
     * @throws InputException if it is not there, is no picture of these formats, is damaged, or claims to be larger than
     *     its bytes can account for
     * @throws IOException if the disk fails
     */
    static Grey read(Path file) throws IOException {
        InputException.requireFile(file, "name a picture");
        requirePngChunksWithinTheFile(file);
        try (ImageInputStream in = new FileImageInputStream(file.toFile())) {
            ImageReader reader = reader(in, file);
            try {
                reader.setInput(in, /* seekForwardOnly= */ true, /* ignoreMetadata= */ true);
                int width = reader.getWidth(0);
                int height = reader.getHeight(0);
                requirePlausible(width, height, file);
                ImageReadParam param = reader.getDefaultReadParam();
                int step = (Math.max(width, height) + LARGE - 1) / LARGE;
                param.setSourceSubsampling(Math.min(step, width), Math.min(step, height), 0, 0);
                return grey(reader.read(0, param));
            } catch (IOException | RuntimeException e) {
                throw e instanceof InputException known ? known : damaged(file, e);
            } finally {
                reader.dispose();
            }
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

    /** ImageIO takes the memory that a chunk asks for, without a look at the file. */
    private static void requirePngChunksWithinTheFile(Path file) throws IOException {
        long left = Files.size(file) - PNG.length;
        try (InputStream stream = Files.newInputStream(file);
                DataInputStream in = new DataInputStream(stream)) {
            byte[] start = in.readNBytes(PNG.length);
            if (!Arrays.equals(start, PNG)) {
                return;
            }
            while (left > 0) {
                long chunk = Integer.toUnsignedLong(in.readInt()) + 3 * Integer.BYTES; // with length, name and checksum
                left -= chunk;
                if (left < 0) {
                    throw damaged(file, new EOFException());
                }
                in.skipNBytes(chunk - Integer.BYTES);
            }
        } catch (EOFException e) {
            throw damaged(file, e);
        }
    }

    private static InputException damaged(Path file, Exception e) {
        return new InputException(file + " is a damaged picture; save it again", e);
    }

    private static Grey grey(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        float[] values = new float[width * height];
        float[] opacities = new float[width * height];
        ColorModel colors = image.getColorModel();
        // Java takes grey for linear, and would make it brighter on the way to RGB.
        boolean plain = colors.getNumColorComponents() == 1 && !(colors instanceof IndexColorModel);
        Raster raster = image.getRaster();
        float white = (1 << colors.getComponentSize(0)) - 1;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int i = y * width + x;
                if (plain) {
                    values[i] = raster.getSample(x, y, 0) / white;
                    opacities[i] = colors.hasAlpha() ? raster.getSample(x, y, 1) / white : 1;
                } else {
                    int argb = image.getRGB(x, y);
                    values[i] =
                            (0.299f * (argb >> 16 & 0xff) + 0.587f * (argb >> 8 & 0xff) + 0.114f * (argb & 0xff)) / 255;
                    opacities[i] = (argb >>> 24) / 255f;
                }
            }
        }
        paperUnder(values, opacities);
        return new Grey(values, width, height);
    }

    /** White paper under dark ink, black under light ink. */
    private static void paperUnder(float[] values, float[] opacities) {
        double ink = 0;
        double opaque = 0;
        for (int i = 0; i < values.length; i++) {
            ink += values[i] * opacities[i];
            opaque += opacities[i];
        }
        float paper = ink > opaque / 2 ? 0 : 1;
        for (int i = 0; i < values.length; i++) {
            values[i] = values[i] * opacities[i] + paper * (1 - opacities[i]);
        }
    }
}
