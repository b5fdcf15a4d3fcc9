package io.github.mnistlibtorch.app.predict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class DigitPreprocessorTest {
    private static final DigitPreprocessor PREPROCESSOR = new DigitPreprocessor(ImageSpec.MNIST);

    private static final int PIXELS = 28 * 28;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void picturesOfMnistComeBackBitForBit(boolean darkOnLight) throws IOException {
        Mnist mnist = Mnist.bundled(Mnist.Split.TEST);
        for (int i = 0; i < 100; i++) {
            byte[] pixels = pixels(mnist, i);
            BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
            for (int p = 0; p < PIXELS; p++) {
                int grey = pixels[p] & 0xff;
                image.getRaster().setSample(p % 28, p / 28, 0, darkOnLight ? 255 - grey : grey);
            }
            try (Tensor expected = mnist.get(i).image()) {
                assertThat(read(image, "png")).containsExactly(values(expected));
            }
        }
    }

    @Tag("slow")
    @ParameterizedTest
    @EnumSource
    void allOfMnistIsTakenAsItIs(Mnist.Split split) throws IOException {
        Mnist mnist = Mnist.bundled(split);
        for (int i = 0; i < mnist.size(); i++) {
            byte[] pixels = pixels(mnist, i);
            DigitPreprocessor.Digits found = PREPROCESSOR.of(pixels, 28, 28, "image " + i);
            assertThat(found.steps()).as("image " + i).isNull();
            assertThat(found.largest().seen().samples()).as("image " + i).isEqualTo(pixels);
        }
    }

    private static byte[] pixels(Mnist mnist, int index) {
        try (Tensor image = mnist.get(index).image()) {
            byte[] pixels = new byte[PIXELS];
            for (int p = 0; p < PIXELS; p++) {
                pixels[p] = (byte) Math.round(255 * values(image)[p]);
            }
            return pixels;
        }
    }

    /** Nothing in MNIST is smaller than 19 pixels, so that a digit of half the size is made larger. */
    @Test
    void aSmallDigitInTheMiddleIsMadeAsLargeAsMnists() throws IOException {
        byte[] pixels = pixels(Mnist.bundled(Mnist.Split.TEST), 0);
        byte[] small = new byte[PIXELS];
        for (int y = 0; y < 14; y++) {
            for (int x = 0; x < 14; x++) {
                small[(y + 7) * 28 + x + 7] = pixels[2 * y * 28 + 2 * x];
            }
        }
        DigitPreprocessor.Digits found = PREPROCESSOR.of(small, 28, 28, "small");
        assertThat(found.steps()).isNotNull();
        byte[] seen = found.largest().seen().samples();
        int rows = (int) IntStream.range(0, 28)
                .filter(y -> IntStream.range(0, 28).anyMatch(x -> seen[y * 28 + x] != 0))
                .count();
        assertThat(rows).isBetween(19, 21); // as smoothing may add a row
    }

    /** What the pictures of the test set are with one black pixel in the corner: nothing may come of it. */
    @Test
    void aSpeckOnAPictureOfMnistsSizeIsNotPartOfTheDigit() throws IOException {
        Mnist mnist = Mnist.bundled(Mnist.Split.TEST);
        byte[] pixels = pixels(mnist, 0);
        byte[] specked = pixels.clone();
        specked[3 * 28 + 3] = (byte) 255;
        byte[] seen =
                PREPROCESSOR.of(specked, 28, 28, "specked").largest().seen().samples();
        double difference = 0;
        for (int p = 0; p < PIXELS; p++) {
            difference += Math.abs((seen[p] & 0xff) - (pixels[p] & 0xff)) / 255.0 / PIXELS;
        }
        assertThat(difference).isLessThan(0.02);
    }

    /** The same values for all: how the picture is to be shown decides, not how it is stored. */
    @ParameterizedTest
    @CsvSource({"1,jpg", "2,jpg", "3,jpg", "4,jpg", "5,jpg", "6,jpg", "7,jpg", "8,jpg", "8,png", "6,png", "3,png"})
    void orientationIsObeyed(int orientation, String format) throws IOException {
        BufferedImage shown = stroke(BufferedImage.TYPE_BYTE_GRAY, 300, 200, 40, 20, 1, true);
        // What Exif says of each: where the first row and the first column of what is stored are shown.
        AffineTransform[] toStored = {
            new AffineTransform(1, 0, 0, 1, 0, 0),
            new AffineTransform(-1, 0, 0, 1, 300, 0),
            new AffineTransform(-1, 0, 0, -1, 300, 200),
            new AffineTransform(1, 0, 0, -1, 0, 200),
            new AffineTransform(0, 1, 1, 0, 0, 0),
            new AffineTransform(0, -1, 1, 0, 0, 300),
            new AffineTransform(0, -1, -1, 0, 200, 300),
            new AffineTransform(0, 1, -1, 0, 200, 0)
        };
        boolean isTransposed = orientation >= 5;
        BufferedImage stored =
                new BufferedImage(isTransposed ? 200 : 300, isTransposed ? 300 : 200, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = stored.createGraphics();
        graphics.drawImage(shown, toStored[orientation - 1], null);
        graphics.dispose();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(stored, format, out);
        Path file = Files.write(
                folder.resolve("turned." + format), withOrientation(out.toByteArray(), orientation, format));
        float[] expected = read(shown, format);
        try (Tensor image = PREPROCESSOR.read(file).largest().image()) {
            float[] actual = values(image);
            for (int i = 0; i < PIXELS; i++) {
                assertThat(Math.abs(actual[i] - expected[i])).as("pixel " + i).isLessThan(0.15f);
            }
        }
        assertThat(PREPROCESSOR.read(file).largest().box().left()).isBetween(35, 45);
    }

    /** Exif's directory with one entry, in the segment APP1 of a JPEG file or the chunk eXIf of a PNG file. */
    private static byte[] withOrientation(byte[] image, int orientation, String format) {
        boolean isJpeg = format.equals("jpg");
        ByteBuffer exif = ByteBuffer.allocate(26).order(isJpeg ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        exif.put((isJpeg ? "II" : "MM").getBytes())
                .putShort((short) 42)
                .putInt(8)
                .putShort((short) 1);
        exif.putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation);
        ByteBuffer file = ByteBuffer.allocate(image.length + 100);
        if (isJpeg) {
            file.put(image, 0, 2).putShort((short) 0xffe1).putShort((short) (2 + 6 + 26));
            file.put("Exif\0\0".getBytes()).put(exif.array()).put(image, 2, image.length - 2);
        } else {
            int afterHeader = 8 + 4 + 4 + 13 + 4;
            byte[] chunk = ByteBuffer.allocate(30)
                    .put("eXIf".getBytes())
                    .put(exif.array())
                    .array();
            CRC32 crc = new CRC32();
            crc.update(chunk);
            file.put(image, 0, afterHeader).putInt(26).put(chunk).putInt((int) crc.getValue());
            file.put(image, afterHeader, image.length - afterHeader);
        }
        return Arrays.copyOf(file.array(), file.position());
    }

    @ParameterizedTest
    @ValueSource(strings = {"png", "jpg"})
    void whatFollowsThePictureInItsFileIsNotRead(String format) throws IOException {
        float[] expected = read(stroke(BufferedImage.TYPE_BYTE_GRAY, 300, 200, 40, 20, 1, true), format);
        Path file = folder.resolve("digit." + format);
        Files.writeString(file, "\n and more", StandardOpenOption.APPEND);
        try (Tensor image = PREPROCESSOR.read(file).largest().image()) {
            assertThat(values(image)).containsExactly(expected);
        }
    }

    @Test
    void digitsAreFoundFromLeftToRight() throws IOException {
        BufferedImage image = stroke(BufferedImage.TYPE_BYTE_GRAY, 400, 200, 280, 15, 1, true);
        draw(image, 30, 20, 0.9, Color.BLACK);
        draw(image, 150, 25, 0.95, Color.BLACK);
        Path file = write(image, "png");
        DigitPreprocessor.Digits found = PREPROCESSOR.read(file);
        assertThat(found.digits())
                .extracting(digit -> digit.box().left())
                .satisfiesExactly(
                        left -> assertThat(left).isBetween(28, 31),
                        left -> assertThat(left).isBetween(148, 151),
                        left -> assertThat(left).isBetween(278, 281));
        assertThat(found.largest()).isSameAs(found.digits().get(2));
        assertThat(found.digits()).noneMatch(DigitPreprocessor.Digit::isCut);
    }

    /** As straight and thin as a ruled line, but for its ends. */
    @ParameterizedTest
    @CsvSource({"1000,6,700", "400,4,280", "28,2,20", "60,2,44"})
    void aStraightLineIsAOne(int side, int width, int height) throws IOException {
        byte[] grey = new byte[side * side];
        Arrays.fill(grey, (byte) 255);
        int left = side / 3;
        int top = (side - height) / 2;
        for (int y = top; y < top + height; y++) {
            Arrays.fill(grey, y * side + left, y * side + left + width, (byte) 0);
        }
        Box box = PREPROCESSOR.of(grey, side, side, "one").largest().box();
        assertThat(box.height()).isBetween(height, height + 2);
        assertThat(box.left()).isBetween(left - 1, left);
    }

    /** Cells of 2 × 2 pixels, of which the last has one. */
    @Test
    void aBoxEndsWithThePicture() throws IOException {
        BufferedImage image = stroke(BufferedImage.TYPE_BYTE_GRAY, 1001, 1001, 600, 200, 5, true);
        Box box = PREPROCESSOR.read(write(image, "png")).largest().box();
        assertThat(box.left() + box.width()).isBetween(1000, 1001);
        assertThat(box.top() + box.height()).isBetween(1000, 1001);
    }

    /** A chunk of four gigabytes that is there, all zeros; nothing of it is read. */
    @Test
    void exifOfAnySizeIsNotRead() throws IOException {
        Path file = write(stroke(BufferedImage.TYPE_BYTE_GRAY, 300, 200, 40, 20, 1, true), "png");
        byte[] image = Files.readAllBytes(file);
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            int afterHeader = 8 + 4 + 4 + 13 + 4;
            out.seek(afterHeader);
            out.writeInt(-16);
            out.write("eXIf".getBytes());
            out.seek(afterHeader + 8 + 0xffff_fff0L + 4);
            out.write(image, afterHeader, image.length - afterHeader);
        }
        assertThatThrownBy(() -> PREPROCESSOR.read(file)).isInstanceOf(InputException.class);
    }

    @Test
    void aDigitThatTheBorderCutsIsMarked() throws IOException {
        Path file = write(stroke(BufferedImage.TYPE_BYTE_GRAY, 300, 200, 260, 20, 1, true), "png");
        assertThat(PREPROCESSOR.read(file).largest().isCut()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {28, 100, 400})
    void noiseAloneIsNoDigit(int side) throws IOException {
        Random random = new Random(side);
        for (int i = 0; i < 10; i++) {
            byte[] grey = new byte[side * side];
            for (int p = 0; p < grey.length; p++) {
                grey[p] = (byte) Math.max(0, Math.min(255, Math.round(180 + 12 * random.nextGaussian())));
            }
            assertThatThrownBy(() -> PREPROCESSOR.of(grey, side, side, "noise"))
                    .isInstanceOf(InputException.class)
                    .hasMessage("noise shows no digit that stands out from its paper");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "png,5,false",
        "png,1,true",
        "png,6,true",
        "png,2,false",
        "bmp,5,true",
        "bmp,1,false",
        "jpg,5,true",
        "jpg,10,false",
        "gif,13,true",
        "gif,12,false",
        "png,10,true",
        "png,11,false",
        "png,12,true",
        "png,13,false"
    })
    void isTheSameDigitInEveryFormatAndKindOfPixels(String format, int type, boolean darkOnLight) throws IOException {
        float[] expected = read(stroke(BufferedImage.TYPE_BYTE_GRAY, 300, 200, 40, 20, 1, false), "png");
        float[] actual = read(stroke(type, 300, 200, 40, 20, 1, darkOnLight), format);
        for (int i = 0; i < PIXELS; i++) {
            assertThat(Math.abs(actual[i] - expected[i])).as("pixel " + i).isLessThan(0.15f);
        }
    }

    @ParameterizedTest
    @CsvSource({"300,200,40,20,1", "60,90,2,30,0.3", "1900,1400,900,100,5", "40,33,5,3,0.15", "4000,3000,50,900,9"})
    void sizeAndPlaceDoNotMatter(int width, int height, int x, int y, double scale) throws IOException {
        float[] expected = read(stroke(BufferedImage.TYPE_BYTE_GRAY, 500, 500, 100, 100, 2, true), "png");
        float[] actual = read(stroke(BufferedImage.TYPE_BYTE_GRAY, width, height, x, y, scale, true), "png");
        double difference = 0;
        for (int i = 0; i < PIXELS; i++) {
            difference += Math.abs(actual[i] - expected[i]) / PIXELS;
        }
        assertThat(difference).isLessThan(0.03);
    }

    @Test
    void digitIsTwentyPixelsHighAndItsMassInTheMiddle() throws IOException {
        float[] pixels = read(stroke(BufferedImage.TYPE_BYTE_GRAY, 300, 200, 40, 20, 1, true), "png");
        double mass = 0;
        double across = 0;
        double down = 0;
        int top = 28;
        int bottom = 0;
        for (int i = 0; i < PIXELS; i++) {
            mass += pixels[i];
            across += pixels[i] * (i % 28 + 0.5);
            down += pixels[i] * (i / 28 + 0.5);
            if (pixels[i] > 0) {
                top = Math.min(top, i / 28);
                bottom = i / 28;
            }
        }
        assertThat(bottom + 1 - top).isEqualTo(20);
        assertThat(across / mass).isBetween(13.5, 14.5);
        assertThat(down / mass).isBetween(13.5, 14.5);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void transparencyIsPaper(boolean lightInk) throws IOException {
        BufferedImage image = new BufferedImage(100, 100, BufferedImage.TYPE_INT_ARGB);
        draw(image, 10, 10, 0.5, lightInk ? Color.WHITE : Color.BLACK);
        float[] expected = read(stroke(BufferedImage.TYPE_BYTE_GRAY, 100, 100, 10, 10, 0.5, true), "png");
        assertThat(read(image, "png")).containsExactly(expected);
    }

    @Test
    void emptyPaperIsRefused() throws IOException {
        for (Color paper : new Color[] {Color.WHITE, Color.BLACK, Color.GRAY}) {
            int side = paper == Color.GRAY ? 28 : 50;
            BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = image.createGraphics();
            graphics.setColor(paper);
            graphics.fillRect(0, 0, side, side);
            assertThatThrownBy(() -> read(image, "png"))
                    .isInstanceOf(InputException.class)
                    .hasMessageEndingWith("shows no digit that stands out from its paper");
        }
    }

    @Test
    void whatIsNoPictureIsRefused() throws IOException {
        assertRefused(folder.resolve("none.png"), "is not a file; name a picture");
        assertRefused(folder, "is not a file; name a picture");
        assertRefused(Files.createFile(folder.resolve("empty.png")), "is not a picture in PNG, JPEG, BMP or GIF");
        assertRefused(Files.writeString(folder.resolve("text.png"), "a text"), "is not a picture in PNG");
        ByteArrayOutputStream tiff = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(5, 5, BufferedImage.TYPE_BYTE_GRAY), "tiff", tiff);
        assertRefused(Files.write(folder.resolve("picture.tiff"), tiff.toByteArray()), "is not a picture in PNG");
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"png", "jpg", "bmp", "gif"})
    void everyFileThatIsCutShortIsRefusedOrShowsWhatIsThere(String format) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(stroke(BufferedImage.TYPE_INT_RGB, 40, 30, 2, 2, 0.15, true), format, out);
        byte[] whole = out.toByteArray();
        long before = LeakCheck.settled();
        for (int length = 0; length < whole.length; length++) {
            Path file = Files.write(folder.resolve("cut"), Arrays.copyOf(whole, length));
            try (Tensor picture = PREPROCESSOR.read(file).largest().image()) {
                assertThat(picture.numel()).isEqualTo(PIXELS);
                assertThat(format).isIn("bmp", "gif"); // the others say where they end
            } catch (InputException e) {
                assertThat(e.getMessage()).startsWith(file.toString());
            }
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    /** Nothing is allocated on the word of a header alone. */
    @Test
    void bombsAreRefused() throws IOException {
        assertRefused(
                Files.write(folder.resolve("a.png"), png(100_000, 100_000, new byte[0], 0)),
                "claims to be a picture of 100000 x 100000");
        assertRefused(Files.write(folder.resolve("b.png"), png(5_000, 5_000, new byte[0], 0)), "claims to be");
        assertRefused(
                Files.write(folder.resolve("c.png"), png(10, 10, "iCCP".getBytes(), 2_000_000_000)),
                "is a damaged picture");
        assertRefused(Files.write(folder.resolve("d.png"), png(10, 10, "PLTE".getBytes(), -1)), "is a damaged picture");
    }

    /** Java's reader of BMP would decode what is in it, of any size, by way of a temporary file. */
    @ParameterizedTest
    @CsvSource({"png,5", "jpg,4", "png,6"})
    void aBmpThatHoldsAnotherFormatIsRefused(String format, byte compression) throws IOException {
        ByteArrayOutputStream held = new ByteArrayOutputStream();
        ImageIO.write(stroke(BufferedImage.TYPE_INT_RGB, 40, 30, 2, 2, 0.15, true), format, held);
        ByteBuffer file = ByteBuffer.allocate(54 + held.size()).order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[] {'B', 'M'}).putInt(file.capacity()).putInt(0).putInt(54);
        file.putInt(40)
                .putInt(40)
                .putInt(30)
                .putShort((short) 1)
                .putShort((short) 0)
                .putInt(compression);
        file.position(54).put(held.toByteArray());
        assertRefused(
                Files.write(folder.resolve("held.bmp"), file.array()), "is a BMP that holds a picture of another");
    }

    /** Each of them goes through all pixels. */
    @Test
    void aJpegOfVeryManyScansIsRefused() throws IOException {
        BufferedImage image = stroke(BufferedImage.TYPE_INT_RGB, 40, 30, 2, 2, 0.15, true);
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ImageWriteParam param = writer.getDefaultWriteParam();
        param.setProgressiveMode(ImageWriteParam.MODE_DEFAULT);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(stream);
            writer.write(null, new IIOImage(image, null, null), param);
        }
        byte[] progressive = out.toByteArray();
        try (Tensor picture = PREPROCESSOR
                .read(Files.write(folder.resolve("a.jpg"), progressive))
                .largest()
                .image()) {
            assertThat(picture.numel()).isEqualTo(PIXELS);
        }
        int last = progressive.length - 2;
        while (progressive[last] != (byte) 0xff || progressive[last + 1] != (byte) 0xda) {
            last--;
        }
        ByteArrayOutputStream many = new ByteArrayOutputStream();
        many.write(progressive, 0, last);
        for (int i = 0; i < 100; i++) {
            many.write(progressive, last, progressive.length - 2 - last);
        }
        many.write(new byte[] {(byte) 0xff, (byte) 0xd9});
        assertRefused(Files.write(folder.resolve("b.jpg"), many.toByteArray()), "scans");
    }

    /** A PNG file without an image: its header, and the end, or the start of a chunk of any length. */
    private static byte[] png(int width, int height, byte[] chunk, int length) {
        ByteBuffer file = ByteBuffer.allocate(100);
        file.put(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
        byte[] header = ByteBuffer.allocate(17)
                .put("IHDR".getBytes())
                .putInt(width)
                .putInt(height)
                .put(new byte[] {8, 0, 0, 0, 0})
                .array();
        CRC32 crc = new CRC32();
        crc.update(header);
        file.putInt(13).put(header).putInt((int) crc.getValue());
        if (chunk.length == 0) {
            file.putInt(0).put("IEND".getBytes()).putInt(0xae426082);
        } else {
            file.putInt(length).put(chunk);
            return Arrays.copyOf(file.array(), file.position() + 20);
        }
        return Arrays.copyOf(file.array(), file.position());
    }

    private static void assertRefused(Path file, String reason) {
        assertThatThrownBy(() -> PREPROCESSOR.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(reason);
    }

    private float[] read(BufferedImage image, String format) throws IOException {
        try (Tensor picture = PREPROCESSOR.read(write(image, format)).largest().image()) {
            assertThat(picture.shape()).containsExactly(1, 1, 28, 28);
            return values(picture);
        }
    }

    private Path write(BufferedImage image, String format) throws IOException {
        Path file = folder.resolve("digit." + format);
        Files.deleteIfExists(file);
        assertThat(ImageIO.write(image, format, file.toFile())).isTrue();
        return file;
    }

    private static float[] values(Tensor tensor) {
        float[] values = new float[PIXELS];
        tensor.data_ptr_float().get(values);
        return values;
    }

    private static BufferedImage stroke(
            int type, int width, int height, int x, int y, double scale, boolean darkOnLight) {
        BufferedImage image = new BufferedImage(width, height, type);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(darkOnLight ? Color.WHITE : Color.BLACK);
        graphics.fillRect(0, 0, width, height);
        graphics.dispose();
        draw(image, x, y, scale, darkOnLight ? Color.BLACK : Color.WHITE);
        return image;
    }

    /** A seven, 80 by 160. */
    private static void draw(BufferedImage image, int x, int y, double scale, Color ink) {
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.translate(x, y);
        graphics.scale(scale, scale);
        graphics.setColor(ink);
        graphics.fillRect(0, 0, 80, 20);
        graphics.fillPolygon(new int[] {60, 80, 40, 20}, new int[] {20, 20, 160, 160}, 4);
        graphics.dispose();
    }
}
