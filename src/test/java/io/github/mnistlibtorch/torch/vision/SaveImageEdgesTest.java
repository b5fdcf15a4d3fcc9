package io.github.mnistlibtorch.torch.vision;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.vision.Grid.Options;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What saveImage does with colours in each format, with failing outputs, and with tensors that are no pictures. */
@ExtendWith(LibTorchExtension.class)
class SaveImageEdgesTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"PNG, 0", "BMP, 0", "GIF, 0", "JPEG, 3"})
    void colorsKeepTheirPlaces(String format, int tolerance) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.empty(3, 16, 16);
            image.select(0, 0).fill_(new Scalar(1));
            image.select(0, 1).fill_(new Scalar(0.5));
            image.select(0, 2).fill_(new Scalar(0));
            int rgb = decode(encode(image, format)).getRGB(3, 5);
            assertThat(rgb >> 16 & 0xff).isBetween(255 - tolerance, 255);
            assertThat(rgb >> 8 & 0xff).isBetween(128 - tolerance, 128 + tolerance);
            assertThat(rgb & 0xff).isBetween(0, tolerance);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"PNG", "BMP", "GIF"})
    void greyValuesComeBackExactly(String format) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            BufferedImage picture = decode(encode(ToTensor.toTensor(ToTensorTest.allGreyValues(), 16, 16), format));
            for (int grey = 0; grey < 256; grey++) {
                assertThat(picture.getRGB(grey % 16, grey / 16)).isEqualTo(0xff000000 | grey * 0x010101);
            }
        }
    }

    @Test
    void greyWithOpacityIsNoBrighterInAGif() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.ones(2, 16, 16);
            image.select(0, 0).fill_(new Scalar(0.25));
            assertThat(decode(encode(image, "GIF")).getRGB(8, 8)).isEqualTo(0xff404040);
        }
    }

    @ParameterizedTest
    @CsvSource({"3, 0, 2", "3, 0, 0", "0, 2, 2"})
    void pictureWithoutPixelsIsRefused(long channels, long height, long width) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.zeros(channels, height, width);
            assertThatThrownBy(() -> Grid.saveImage(image, folder.resolve("empty.png"), Options.defaults()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("without pixels");
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void unknownFormatIsRefusedBeforeAnythingIsWritten() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.zeros(3, 2, 2);
            assertThatThrownBy(() -> Grid.saveImage(image, out, "XYZ", Options.defaults()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("XYZ");
        }
        assertThat(out.size()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"PNG", "JPEG", "BMP", "GIF"})
    void failureOfTheStreamIsReportedAndTheStreamLeftOpen(String format) {
        FullDisk out = new FullDisk(100);
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.rand(3, 64, 64);
            assertThatThrownBy(() -> Grid.saveImage(image, out, format, Options.defaults()))
                    .isInstanceOf(IOException.class);
        }
        assertThat(out.closed).isFalse();
    }

    @Test
    void targetThatCannotBeReplacedStaysWithNoPartBesideIt() throws IOException {
        Path occupied = Files.createDirectory(folder.resolve("picture.png"));
        Files.writeString(occupied.resolve("inside"), "old");
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.zeros(3, 2, 2);
            assertThatThrownBy(() -> Grid.saveImage(image, occupied, Options.defaults()))
                    .isInstanceOf(IOException.class);
        }
        assertThat(occupied.resolve("inside")).hasContent("old");
        assertThat(folder.toFile().list()).containsExactly("picture.png");
    }

    @Test
    void inputIsLeftAsItWas() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.rand(1, 3, 4, 4);
            List<Double> before = VisionValues.values(image);
            encode(image, "PNG");
            assertThat(VisionValues.values(image)).isEqualTo(before);
        }
    }

    @Test
    void failuresLeaveNoPointerBehind() {
        try (Tensor numbers = torch.rand(4, 3, 8, 8);
                Tensor fiveChannels = torch.rand(5, 8, 8)) {
            long before = LeakCheck.settled();
            for (int i = 0; i < 10; i++) {
                assertThatThrownBy(() -> encode(fiveChannels, "PNG")).isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> Grid.saveImage(
                                numbers,
                                folder.resolve("picture.png"),
                                Options.defaults().withNrow(0)))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> Grid.saveImage(numbers, new FullDisk(0), "PNG", Options.defaults()))
                        .isInstanceOf(IOException.class);
                assertThatThrownBy(() -> Grid.saveImage(
                                List.of(numbers, fiveChannels), folder.resolve("picture.png"), Options.defaults()))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    private static byte[] encode(Tensor images, String format) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Grid.saveImage(images, out, format, Options.defaults());
        return out.toByteArray();
    }

    private static BufferedImage decode(byte[] file) throws IOException {
        return requireNonNull(ImageIO.read(new ByteArrayInputStream(file)));
    }

    /** Takes so many bytes and no more. */
    private static final class FullDisk extends OutputStream {
        private int room;
        private boolean closed;

        FullDisk(int room) {
            this.room = room;
        }

        @Override
        public void write(int b) throws IOException {
            if (room == 0) {
                throw new IOException("disk full");
            }
            room--;
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
