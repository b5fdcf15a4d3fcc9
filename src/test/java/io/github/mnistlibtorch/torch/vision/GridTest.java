package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Grid.Options;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

@ExtendWith(LibTorchExtension.class)
class GridTest {
    static Stream<JsonNode> recorded() {
        return VisionValues.recorded("make_grid").valueStream();
    }

    static List<Options> normalizing() {
        Options plain = Options.defaults();
        return List.of(
                plain,
                plain.withNormalize(true),
                plain.withNormalize(true).withScaleEach(true),
                plain.withNormalize(true).withValueRange(2, 3));
    }

    @ParameterizedTest
    @MethodSource("recorded")
    void laysOutAsTorchvisionDoes(JsonNode recorded) {
        try (TensorScope scope = TensorScope.open()) {
            if (recorded.has("raises")) {
                assertThatThrownBy(() -> make(recorded))
                        .isInstanceOf(IllegalArgumentException.class)
                        .message()
                        .isNotBlank()
                        .doesNotContain("\n");
                return;
            }
            Tensor grid = make(recorded);
            assertThat(VisionValues.shape(grid)).isEqualTo(VisionValues.longs(recorded.get("shape")));
            assertThat(VisionValues.dtype(grid)).isEqualTo(recorded.get("dtype").asString());
            assertThat(VisionValues.values(grid)).isEqualTo(VisionValues.doubles(recorded.get("values")));
        }
    }

    @Test
    void first128PicturesMakeTheArticlesGrid() {
        JsonNode recorded = VisionValues.recorded("batch_grid");
        try (TensorScope scope = TensorScope.open()) {
            Tensor grid = Grid.makeGrid(first128(), 16);
            assertThat(VisionValues.shape(grid)).isEqualTo(VisionValues.longs(recorded.get("shape")));
            assertThat(VisionValues.sha256(grid))
                    .isEqualTo(recorded.get("sha256_f32le").asString());
        }
    }

    @ParameterizedTest
    @MethodSource("normalizing")
    void inputIsLeftAsItWas(Options options) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor images = torch.rand(4, 3, 5, 6).mul(new Scalar(7));
            List<Double> before = VisionValues.values(images);
            Grid.makeGrid(images, options);
            assertThat(VisionValues.values(images)).isEqualTo(before);
        }
    }

    @Test
    void normalizedGridReachesFromZeroToOne() {
        TorchRandom.manualSeed(3);
        try (TensorScope scope = TensorScope.open()) {
            Tensor grid = Grid.makeGrid(
                    torch.rand(4, 3, 16, 16).mul(new Scalar(255)),
                    Options.defaults().withNormalize(true));
            assertThat(grid.min().item_float()).isEqualTo(0f);
            assertThat(grid.max().item_float()).isEqualTo(1f);
        }
    }

    @ParameterizedTest
    @CsvSource({"3, 1", "3, 3", "1, 1", "1, 3"})
    void gridNeverRequiresAGradient(long count, long channels) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor images = torch.rand(count, channels, 2, 2).set_requires_grad(true);
            assertThat(Grid.makeGrid(images, 2).requires_grad()).isFalse();
            assertThat(images.requires_grad()).isTrue();
        }
    }

    @Test
    void singlePictureSharesMemoryWithTheInput() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = torch.rand(1, 3, 4, 4);
            assertThat(Grid.makeGrid(image, 8).data_ptr().address())
                    .isEqualTo(image.data_ptr().address());
        }
    }

    @Test
    void noPointerIsLeftBehind() {
        List<JsonNode> all = recorded().toList();
        long before = LeakCheck.settled();
        for (JsonNode recorded : all) {
            try (TensorScope scope = TensorScope.open()) {
                make(recorded);
            } catch (IllegalArgumentException e) {
                assertThat(recorded.has("raises")).isTrue();
            }
            assertThat(Pointer.totalCount()).as(recorded.toString()).isEqualTo(before);
        }
    }

    @Test
    void gradientsAreOnAgainAfterwards() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor images = torch.rand(3, 1, 2, 2).set_requires_grad(true);
            Grid.makeGrid(images, 2);
            assertThat(images.mul(images).requires_grad()).isTrue();
            assertThatThrownBy(() -> Grid.makeGrid(images, 0)).isInstanceOf(IllegalArgumentException.class);
            assertThat(images.mul(images).requires_grad()).isTrue();
        }
    }

    @Test
    void withoutAScopeOnlyTheGridIsLeft() {
        try (Tensor images = torch.rand(4, 1, 3, 3)) {
            long before = LeakCheck.settled();
            try (Tensor grid = Grid.makeGrid(images, Options.defaults().withNormalize(true))) {
                assertThat(Pointer.totalCount()).isEqualTo(before + 1);
                assertThat(grid.dim()).isEqualTo(3);
            }
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    static Tensor first128() {
        return Batch.of(Mnist.bundled(Mnist.Split.TRAIN)
                        .getItems(IntStream.range(0, 128).toArray()))
                .images();
    }

    private static Tensor make(JsonNode recorded) {
        long[] shape = recorded.get("input_shape")
                .valueStream()
                .mapToLong(JsonNode::asLong)
                .toArray();
        long count = 1;
        for (long size : shape) {
            count *= size;
        }
        Tensor images = torch.arange(new Scalar(1), new Scalar(1 + count))
                .to(VisionValues.scalarType(recorded.get("input_dtype").asString()))
                .reshape(shape);
        Options options = options(recorded.get("options"));
        if (!recorded.get("as_list").asBoolean()) {
            return Grid.makeGrid(images, options);
        }
        List<Tensor> list = new ArrayList<>();
        for (long i = 0; i < shape[0]; i++) {
            list.add(images.select(0, i));
        }
        return Grid.makeGrid(list, options);
    }

    static Options options(JsonNode keywords) {
        Options options = Options.defaults();
        if (keywords.has("nrow")) {
            options = options.withNrow(keywords.get("nrow").asInt());
        }
        if (keywords.has("padding")) {
            options = options.withPadding(keywords.get("padding").asInt());
        }
        if (keywords.has("normalize")) {
            options = options.withNormalize(keywords.get("normalize").asBoolean());
        }
        if (keywords.has("value_range")) {
            JsonNode range = keywords.get("value_range");
            options =
                    options.withValueRange(range.get(0).asDouble(), range.get(1).asDouble());
        }
        if (keywords.has("scale_each")) {
            options = options.withScaleEach(keywords.get("scale_each").asBoolean());
        }
        if (keywords.has("pad_value")) {
            options = options.withPadValue(keywords.get("pad_value").asDouble());
        }
        return options;
    }
}
