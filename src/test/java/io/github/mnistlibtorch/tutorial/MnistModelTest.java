package io.github.mnistlibtorch.tutorial;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.serialization.Safetensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(LibTorchExtension.class)
class MnistModelTest {
    @TempDir
    private Path folder;

    @Test
    void closedModelsLeaveNoPointerBehind() {
        new MnistModel(784, 8, 10).close();
        long before = LeakCheck.settled();
        for (int i = 0; i < 20; i++) {
            new MnistModel(784, 8, 10).close();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void picturesOfAnyShapeAreFlattened() {
        try (MnistModel model = new MnistModel(784, 8, 10);
                TensorScope scope = TensorScope.open()) {
            Tensor images = torch.rand(5, 1, 28, 28);
            Tensor out = model.forward(images);
            assertThat(out.shape()).containsExactly(5, 10);
            assertThat(model.forward(images.reshape(5, 784)).equal(out)).isTrue();
        }
    }

    @Test
    void validationLeavesNoPointerBehind() {
        try (MnistModel model = new MnistModel(784, 8, 10);
                Batch batch = batch()) {
            EpochResult result = validate(model, batch);
            long before = LeakCheck.settled();
            assertThat(validate(model, batch)).isEqualTo(result);
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ScalarType.class,
            names = {"Float", "Double"})
    void savedModelComesBackBitForBit(ScalarType dtype) throws IOException {
        try (MnistModel model = new MnistModel(784, 8, 10);
                TensorScope scope = TensorScope.open()) {
            model.to(dtype, /* non_blocking= */ false);
            for (Path file : inBothFormats(StateDict.of(model))) {
                try (ImageClassificationBase loaded = MnistModels.load(file)) {
                    assertThat(loaded).isInstanceOf(MnistModel.class);
                    assertThat(MnistModels.dtype(loaded)).isEqualTo(dtype);
                    StateDict.of(model)
                            .forEach((name, parameter) -> assertThat(parameter.equal(
                                            requireNonNull(StateDict.of(loaded).get(name))))
                                    .as(name)
                                    .isTrue());
                }
            }
        }
    }

    @ExtendWith(LeakCheck.class)
    @Test
    void anyNumberOfHiddenLayersComesBackAndLeavesNoPointerBehind() throws IOException {
        try (MnistMlp model = new MnistMlp(784, List.of(8, 7, 6), 10);
                TensorScope scope = TensorScope.open()) {
            assertThat(StateDict.of(model).keySet()).endsWith("linear4.weight", "linear4.bias");
            Tensor pictures = torch.rand(2, 1, 28, 28);
            Tensor expected = model.forward(pictures);
            for (Path file : inBothFormats(StateDict.of(model))) {
                try (ImageClassificationBase loaded = MnistModels.load(file)) {
                    assertThat(loaded.forward(pictures).equal(expected)).isTrue();
                }
            }
        }
    }

    @Test
    void weightsOfAnotherNetworkAreRefusedWithAListAndNoLeak() throws IOException {
        List<Path> files;
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("linear1.weight", torch.zeros(4, 784));
            tensors.put("linear1.bias", torch.zeros(5));
            tensors.put("linear2.weight", torch.zeros(10, 4));
            tensors.put("extra", torch.zeros(1));
            files = inBothFormats(tensors);
        }
        long before = LeakCheck.settled();
        for (Path file : files) {
            assertThatThrownBy(() -> MnistModels.load(file))
                    .isInstanceOf(InputException.class)
                    .hasMessageContainingAll(
                            file.toString(),
                            "linear1.bias is Float torch.Size([5]) instead of Float torch.Size([4])",
                            "linear2.bias is missing",
                            "extra is unexpected");
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void networkFarLargerThanItsFileIsRefused() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor column = torch.zeros(100_000, 1);
            for (Path file : inBothFormats(Map.of("linear1.weight", column, "linear2.weight", column))) {
                assertThatThrownBy(() -> MnistModels.load(file))
                        .isInstanceOf(InputException.class)
                        .hasMessageContainingAll(file.toString(), "it is too small for layers of [1, 100000, 100000]");
            }
        }
    }

    @Test
    void weightsAreDrawnHiddenLayerFirst() {
        TorchRandom.manualSeed(5);
        try (MnistModel model = new MnistModel(784, 8, 10);
                TensorScope scope = TensorScope.open()) {
            assertThat(List.copyOf(StateDict.of(model).keySet()))
                    .containsExactly("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias");
        }
        long afterModel = TorchRandom.nextInt64(null);
        TorchRandom.manualSeed(5);
        try (TensorScope scope = TensorScope.open()) {
            // One 32-bit word for each weight and bias, and two for an int64.
            torch.empty(new long[] {784 * 8 + 8 + 8 * 10 + 10}, new TensorOptions(ScalarType.Float), null)
                    .uniform_();
        }
        assertThat(TorchRandom.nextInt64(null)).isEqualTo(afterModel);
    }

    private List<Path> inBothFormats(Map<String, Tensor> tensors) throws IOException {
        Path pt = folder.resolve("model.pt");
        PtFile.write(pt, tensors);
        Path safetensors = folder.resolve("model.safetensors");
        Safetensors.write(safetensors, tensors, Map.of());
        return List.of(pt, safetensors);
    }

    private static EpochResult validate(MnistModel model, Batch batch) {
        try (TensorScope scope = TensorScope.open()) {
            return model.validationEpochEnd(List.of(model.validationStep(batch)));
        }
    }

    private static Batch batch() {
        Tensor labels = torch.zeros(new long[] {6}, new TensorOptions(ScalarType.Long));
        return new Batch(torch.rand(6, 1, 28, 28), labels);
    }
}
