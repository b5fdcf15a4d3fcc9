package io.github.mnistlibtorch.app.predict;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.ToTensor;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith({LibTorchExtension.class, LeakCheck.class})
class ServedModelTest {
    private static final int SIDE = 280;

    /** Without biases behind the first layer, what its units add is all that there is of a score. */
    @ParameterizedTest
    @ValueSource(strings = {"32", "16,12", "20,16,12"})
    void whatTheUnitsAddIsTheScore(String hiddenSizes) throws InputException {
        List<Integer> sizes =
                Arrays.stream(hiddenSizes.split(",")).map(Integer::valueOf).toList();
        TorchRandom.manualSeed(7);
        try (Device cpu = Devices.of("cpu");
                ImageClassificationBase network = MnistModels.create("mlp", sizes)) {
            try (TensorScope scope = TensorScope.open();
                    NoGradGuard noGrad = new NoGradGuard()) {
                for (int layer = 2; layer <= sizes.size() + 1; layer++) {
                    requireNonNull(StateDict.of(network).get("linear" + layer + ".bias"))
                            .zero_();
                }
            }
            ServedModel model = new ServedModel(new MnistModels.Saved(network, ImageSpec.MNIST), cpu);
            Map<String, Object> answer = model.answer(line(), SIDE, SIDE);
            int label = value(answer, "label");
            float[] adds = value(answer, "adds");
            float[] hidden = value(answer, "hidden");
            assertThat(adds).hasSize(sizes.get(0)).hasSameSizeAs(hidden);
            double sum = 0;
            for (int unit = 0; unit < adds.length; unit++) {
                sum += adds[unit];
                assertThat(hidden[unit] > 0 || adds[unit] == 0)
                        .as("only what is active adds")
                        .isTrue();
            }
            try (TensorScope scope = TensorScope.open();
                    NoGradGuard noGrad = new NoGradGuard()) {
                float[] seen = value(answer, "seen");
                byte[] grey = new byte[seen.length];
                for (int i = 0; i < grey.length; i++) {
                    grey[i] = (byte) Math.round(255 * seen[i]);
                }
                Tensor scores =
                        network.forward(ToTensor.toTensor(grey, 1, 28, 28).unsqueeze(0));
                double[] values = Tensors.toDoubles(scores);
                assertThat(sum).isCloseTo(values[label], within(1e-5));
                assertThat(values[label]).isEqualTo(Arrays.stream(values).max().orElseThrow());
            }
        }
    }

    @Test
    void filtersSayWhatTheySeeAndAddNothingOfTheirOwn() throws InputException {
        try (Device cpu = Devices.of("cpu");
                ImageClassificationBase network = MnistModels.create("cnn", List.of())) {
            ServedModel model = new ServedModel(new MnistModels.Saved(network, ImageSpec.MNIST), cpu);
            Map<String, Object> answer = model.answer(line(), SIDE, SIDE);
            assertThat(answer.get("adds")).isNull();
            float[] hidden = value(answer, "hidden");
            assertThat(hidden).hasSize(8);
            assertThat(model.weights()).hasSize(8 * 3 * 3);
        }
    }

    /** Upright. */
    private static byte[] line() {
        byte[] grey = new byte[SIDE * SIDE];
        for (int i = 0; i < grey.length; i++) {
            boolean ink = i % SIDE >= 130 && i % SIDE < 150 && i / SIDE >= 60 && i / SIDE < 220;
            grey[i] = (byte) (ink ? 0 : 255);
        }
        return grey;
    }

    /** A value that has to be there. */
    @SuppressWarnings("unchecked")
    private static <T> T value(Map<String, Object> fields, String name) {
        return (T) requireNonNull(fields.get(name), name);
    }
}
