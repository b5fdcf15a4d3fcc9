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
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

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

    /** What {@code DataParallel}, {@code torch.compile} and Lightning put before all names. */
    @ExtendWith(LeakCheck.class)
    @ParameterizedTest
    @ValueSource(strings = {"module.", "_orig_mod.", "model.", "module._orig_mod.", "model._orig_mod.module."})
    void weightsOfAWrappedModelAreThoseOfTheModel(String wrapper) throws IOException {
        try (MnistModel model = new MnistModel(784, 8, 10);
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> own = StateDict.of(model);
            Map<String, Tensor> wrapped = new LinkedHashMap<>();
            own.forEach((name, tensor) -> wrapped.put(wrapper + name, tensor));
            for (Path file : inBothFormats(wrapped)) {
                try (ImageClassificationBase loaded = MnistModels.load(file);
                        MnistModel other = new MnistModel(784, 8, 10)) {
                    StateDict.load(other, file);
                    own.forEach((name, tensor) -> {
                        assertThat(tensor.equal(
                                        requireNonNull(StateDict.of(loaded).get(name))))
                                .as(name)
                                .isTrue();
                        assertThat(tensor.equal(
                                        requireNonNull(StateDict.of(other).get(name))))
                                .as(name)
                                .isTrue();
                    });
                }
            }
        }
    }

    /** As {@code load_state_dict} converts: to the nearest float32, of which a half has every value. */
    @ExtendWith(LeakCheck.class)
    @ParameterizedTest
    @EnumSource(
            value = ScalarType.class,
            names = {"Half", "BFloat16", "Double"})
    void weightsOfOtherDtypesAreConverted(ScalarType dtype) throws IOException {
        try (MnistModel model = new MnistModel(784, 8, 10);
                MnistModel other = new MnistModel(784, 8, 10);
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> converted = new LinkedHashMap<>();
            StateDict.of(model).forEach((name, tensor) -> converted.put(name, tensor.to(dtype)));
            for (Path file : inBothFormats(converted)) {
                StateDict.load(other, file);
                converted.forEach((name, tensor) -> {
                    Tensor loaded = requireNonNull(StateDict.of(other).get(name));
                    assertThat(loaded.scalar_type().intern()).isEqualTo(ScalarType.Float);
                    assertThat(loaded.equal(tensor.to(ScalarType.Float)))
                            .as(name)
                            .isTrue();
                });
                try (ImageClassificationBase loaded = MnistModels.load(file)) {
                    assertThat(MnistModels.dtype(loaded))
                            .isEqualTo(dtype == ScalarType.Double ? ScalarType.Double : ScalarType.Float);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void weightsThatAreNotFiniteAreRefused(float value) throws IOException {
        try (MnistModel model = new MnistModel(784, 8, 10);
                TensorScope scope = TensorScope.open()) {
            requireNonNull(StateDict.of(model).get("linear2.bias")).get(3).fill_(new Scalar(value));
            for (Path file : inBothFormats(StateDict.of(model))) {
                assertThatThrownBy(() -> MnistModels.load(file))
                        .isInstanceOf(InputException.class)
                        .hasMessageStartingWith(file + " holds weights that are NaN or infinite");
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
                            "it lacks \"linear2.bias\", it has \"extra\"",
                            "\"linear1.bias\" is torch.Size([5]) instead of torch.Size([4])");
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
