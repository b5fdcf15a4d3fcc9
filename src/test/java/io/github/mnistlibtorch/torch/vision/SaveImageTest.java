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
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

@ExtendWith(LibTorchExtension.class)
class SaveImageTest {
    private static final JsonNode RECORDED = VisionValues.recorded("save_image");

    @TempDir
    private Path folder;

    static Stream<JsonNode> pictures() {
        return RECORDED.get("pictures").valueStream();
    }

    static Stream<JsonNode> refused() {
        return RECORDED.get("refused").valueStream();
    }

    @Test
    void valuesGoToTheNearestOf256Steps() throws IOException {
        JsonNode rounding = RECORDED.get("rounding");
        List<JsonNode> inputs = rounding.get("inputs").valueStream().toList();
        float[] values = new float[inputs.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Double.parseDouble(inputs.get(i).asString());
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.empty(1, 1, values.length);
            image.data_ptr_float().put(values, 0, values.length);
            assertThat(firstChannel(saveAndRead(image))).isEqualTo(VisionValues.longs(rounding.get("bytes")));
        }
    }

    @Test
    void all256GreyValuesComeBackExactly() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = ToTensor.toTensor(ToTensorTest.allGreyValues(), 16, 16);
            assertThat(firstChannel(saveAndRead(image)))
                    .isEqualTo(
                            VisionValues.longs(RECORDED.get("all_grey_values").get("bytes")));
        }
    }

    @ParameterizedTest
    @MethodSource("pictures")
    void writesThePixelsThatPillowWrites(JsonNode recorded) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Path file = folder.resolve("picture.png");
            Grid.saveImage(counted(recorded), file, GridTest.options(recorded.get("options")));
            BufferedImage picture = requireNonNull(ImageIO.read(file.toFile()));
            assertThat(List.of((long) picture.getWidth(), (long) picture.getHeight()))
                    .isEqualTo(VisionValues.longs(recorded.get("size")));
            assertThat(samples(picture)).isEqualTo(VisionValues.longs(recorded.get("pixels")));
        }
    }

    @ParameterizedTest
    @MethodSource("refused")
    void whatCannotBeWrittenIsRefusedAndLeavesNoFile(JsonNode recorded) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor zeros = torch.zeros(shape(recorded));
            Path file = folder.resolve(recorded.get("file").asString());
            assertThatThrownBy(() -> Grid.saveImage(zeros, file, Options.defaults()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .message()
                    .isNotBlank()
                    .doesNotContain("\n");
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void wholeNumbersAreRefusedAsInPython() {
        assertThat(RECORDED.get("uint8").has("raises")).isTrue();
        try (TensorScope scope = TensorScope.open()) {
            Tensor ones = torch.ones(3, 2, 2).to(ScalarType.Byte);
            assertThatThrownBy(() -> Grid.saveImage(ones, folder.resolve("ones.png"), Options.defaults()))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void theArticlesGridHasPillowsPixels() throws IOException {
        JsonNode recorded = VisionValues.recorded("batch_grid");
        try (TensorScope scope = TensorScope.open()) {
            Path file = folder.resolve("batch.png");
            Grid.saveImage(GridTest.first128(), file, Options.defaults().withNrow(16));
            List<Long> samples = samples(requireNonNull(ImageIO.read(file.toFile())));
            byte[] bytes = new byte[samples.size()];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = samples.get(i).byteValue();
            }
            assertThat(VisionValues.sha256(bytes))
                    .isEqualTo(recorded.get("png_sha256_rgb").asString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"png", "jpg", "bmp", "gif", "PNG"})
    void fileAndStreamHoldTheSamePicture(String format) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor images =
                    torch.linspace(new Scalar(0), new Scalar(1), 5 * 3 * 4 * 6).reshape(5, 3, 4, 6);
            Path file = folder.resolve("picture." + format);
            Grid.saveImage(images, file, Options.defaults());
            ByteArrayOutputStream stream = new ByteArrayOutputStream();
            Grid.saveImage(images, stream, format, Options.defaults());
            BufferedImage fromFile = requireNonNull(ImageIO.read(file.toFile()));
            BufferedImage fromStream = requireNonNull(ImageIO.read(new ByteArrayInputStream(stream.toByteArray())));
            assertThat(fromFile.getWidth()).isEqualTo(5 * 8 + 2);
            assertThat(fromFile.getHeight()).isEqualTo(6 + 2);
            assertThat(samples(fromStream)).isEqualTo(samples(fromFile));
        }
    }

    @Test
    void listOfPicturesIsStackedFirst() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            List<Tensor> images = List.of(torch.zeros(1, 2, 2), torch.ones(1, 2, 2));
            Path file = folder.resolve("list.bmp");
            Grid.saveImage(images, file, Options.defaults());
            assertThat(requireNonNull(ImageIO.read(file.toFile())).getWidth()).isEqualTo(10);
        }
    }

    @Test
    void missingFolderIsAnErrorOfTheDisk() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor zeros = torch.zeros(1, 2, 2);
            assertThatThrownBy(() -> Grid.saveImage(zeros, folder.resolve("no/picture.png"), Options.defaults()))
                    .isInstanceOf(NoSuchFileException.class);
        }
    }

    @Test
    void oldPictureStaysIfTheNewOneFails() throws IOException {
        Path file = Files.writeString(folder.resolve("picture.jpg"), "old");
        try (TensorScope scope = TensorScope.open()) {
            Tensor withOpacity = torch.zeros(4, 2, 2);
            assertThatThrownBy(() -> Grid.saveImage(withOpacity, file, Options.defaults()))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(file).hasContent("old");
    }

    @Test
    void noPointerIsLeftBehind() throws IOException {
        try (Tensor images = torch.rand(5, 1, 4, 4)) {
            Path file = folder.resolve("picture.png");
            Grid.saveImage(images, file, Options.defaults());
            long before = LeakCheck.settled();
            for (int i = 0; i < 20; i++) {
                Grid.saveImage(images, file, Options.defaults().withNormalize(true));
            }
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    private BufferedImage saveAndRead(Tensor image) throws IOException {
        Path file = folder.resolve("picture.png");
        Grid.saveImage(image, file, Options.defaults());
        return requireNonNull(ImageIO.read(file.toFile()));
    }

    private static long[] shape(JsonNode recorded) {
        return recorded.get("input_shape")
                .valueStream()
                .mapToLong(JsonNode::asLong)
                .toArray();
    }

    /** 0, 1, 2, … divided by 40, in the recorded shape. */
    private static Tensor counted(JsonNode recorded) {
        long count = 1;
        for (long size : shape(recorded)) {
            count *= size;
        }
        return torch.arange(new Scalar(count))
                .reshape(shape(recorded))
                .to(ScalarType.Float)
                .div(new Scalar(40));
    }

    /** Every sample of a picture: row by row, the channels of a pixel side by side. */
    private static List<Long> samples(BufferedImage picture) {
        int[] samples = picture.getRaster().getPixels(0, 0, picture.getWidth(), picture.getHeight(), (int[]) null);
        List<Long> list = new ArrayList<>(samples.length);
        for (int sample : samples) {
            list.add((long) sample);
        }
        return list;
    }

    private static List<Long> firstChannel(BufferedImage picture) {
        List<Long> samples = samples(picture);
        List<Long> first = new ArrayList<>();
        for (int i = 0; i < samples.size(); i += 3) {
            first.add(samples.get(i));
        }
        return first;
    }
}
