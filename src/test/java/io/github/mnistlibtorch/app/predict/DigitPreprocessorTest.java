package io.github.mnistlibtorch.app.predict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class DigitPreprocessorTest {
    private static final int PIXELS = 28 * 28;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void picturesOfMnistComeBackBitForBit(boolean darkOnLight) throws IOException {
        Mnist mnist = Mnist.bundled(Mnist.Split.TEST);
        for (int i = 0; i < 100; i++) {
            try (Tensor expected = mnist.get(i).image()) {
                float[] pixels = values(expected);
                BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
                for (int p = 0; p < PIXELS; p++) {
                    int grey = Math.round(255 * pixels[p]);
                    image.getRaster().setSample(p % 28, p / 28, 0, darkOnLight ? 255 - grey : grey);
                }
                assertThat(read(image, "png")).containsExactly(pixels);
            }
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
            BufferedImage image = new BufferedImage(50, 40, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = image.createGraphics();
            graphics.setColor(paper);
            graphics.fillRect(0, 0, 50, 40);
            assertThatThrownBy(() -> read(image, "png"))
                    .isInstanceOf(InputException.class)
                    .hasMessageEndingWith("shows no digit: everything in it is about as dark as its border");
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
            try (Tensor picture = DigitPreprocessor.read(file)) {
                assertThat(picture.numel()).isEqualTo(PIXELS);
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

    /** The beginning of a PNG file: its header, and the start of a chunk of any length. */
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
        if (chunk.length > 0) {
            file.putInt(length).put(chunk);
            return Arrays.copyOf(file.array(), file.position() + 20);
        }
        return Arrays.copyOf(file.array(), file.position());
    }

    private static void assertRefused(Path file, String reason) {
        assertThatThrownBy(() -> DigitPreprocessor.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(reason);
    }

    private float[] read(BufferedImage image, String format) throws IOException {
        Path file = folder.resolve("digit." + format);
        Files.deleteIfExists(file);
        assertThat(ImageIO.write(image, format, file.toFile())).isTrue();
        try (Tensor picture = DigitPreprocessor.read(file)) {
            assertThat(picture.shape()).containsExactly(1, 1, 28, 28);
            return values(picture);
        }
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
