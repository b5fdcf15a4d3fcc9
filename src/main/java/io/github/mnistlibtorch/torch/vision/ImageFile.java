package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.FileImageInputStream;
import javax.imageio.stream.ImageInputStream;

/** Opens a picture file, whatever it shows: PNG, JPEG, BMP or GIF (its first frame). */
public final class ImageFile {
    private static final List<String> FORMATS = List.of("png", "jpeg", "bmp", "gif");

    /** So many pixels may a file claim, however small it is: two thousand by two thousand. */
    private static final long ALWAYS = 4_000_000;

    /** And so many for each of its bytes; a photograph has ten, a line drawing some hundred, blank paper some thousand. */
    private static final long MOST_RATIO = 2_000;

    /** The largest photographs of telephones have 200 million. */
    private static final long MOST = 300_000_000;

    /** Of a progressive JPEG; each goes through all pixels, however little it says of them. */
    private static final int USUAL_SCANS = 10;

    private static final int MOST_SCANS = 100;

    private ImageFile() {}

    /** Takes out of a file what is to be known of it. */
    @FunctionalInterface
    public interface Decoder<T> {
        /**
         * @param reader of the first picture, at its beginning
         */
        T decode(ImageReader reader, Orientation orientation) throws IOException;
    }

    /**
     * Opens a file, by its content and not by its name.
     *
     * @return what {@code decoder} returns
     * @throws InputException if it is not there, is no picture of these formats, is damaged, or claims to be larger than
     *     its bytes can account for
     * @throws IOException if the disk fails
     */
    public static <T> T read(Path file, Decoder<T> decoder) throws IOException {
        InputException.requireFile(file, "name a picture");
        ImageSegments segments = segments(file);
        try (ImageInputStream in = new FileImageInputStream(file.toFile())) {
            ImageReader reader = reader(in, file);
            try {
                reader.setInput(in, /* seekForwardOnly= */ false, /* ignoreMetadata= */ true);
                requirePlausible(reader.getWidth(0), reader.getHeight(0), segments.scans(), file);
                return decoder.decode(reader, new Orientation(segments.orientation()));
            } catch (IOException | RuntimeException e) {
                if (e.getCause() instanceof OutOfMemoryError noMemory) {
                    throw noMemory;
                }
                throw e instanceof InputException known ? known : damaged(file, e);
            } finally {
                reader.dispose();
            }
        }
    }

    private static ImageSegments segments(Path file) throws IOException {
        try {
            return ImageSegments.of(file);
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
        throw new InputException(
                PlainText.name(file) + " is not a picture in PNG, JPEG, BMP or GIF; save it as one of these");
    }

    private static void requirePlausible(long width, long height, int scans, Path file) throws IOException {
        if (scans > MOST_SCANS) {
            throw new InputException(PlainText.name(file) + " is a JPEG of " + scans + " scans, where " + USUAL_SCANS
                    + " are usual; save it again");
        }
        long pixels = width * height * Math.max(1, scans / USUAL_SCANS);
        if (width < 1 || height < 1 || pixels > MOST || pixels > Math.max(ALWAYS, MOST_RATIO * Files.size(file))) {
            throw new InputException(PlainText.name(file) + " claims to be a picture of " + width + " x " + height
                    + " pixels, which its " + Files.size(file) + " bytes can hardly be; save it again, smaller");
        }
    }

    private static InputException damaged(Path file, Exception e) {
        return new InputException(PlainText.name(file) + " is a damaged picture; save it again", e);
    }

    /**
     * {@code Image.open(file).convert("RGB")}: what is transparent keeps its colour, and Exif's orientation is not looked at.
     *
     * @throws InputException as {@link #read}
     * @throws IOException if the disk fails
     */
    static Pixels rgb(Path file) throws IOException {
        return read(file, (reader, orientation) -> Pixels.of(reader.read(0)));
    }

    /** Whether an image is grey: {@code getRGB} would make it brighter, as Java takes grey for linear. */
    public static boolean isGrey(ColorModel colors) {
        return colors.getNumColorComponents() == 1 && !(colors instanceof IndexColorModel);
    }
}
