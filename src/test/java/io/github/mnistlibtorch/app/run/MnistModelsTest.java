package io.github.mnistlibtorch.app.run;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.Training;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The files in {@code test-data/pt/unusable}: Python, by {@code notebooks-reference/record_pt.py}. */
@ExtendWith({LibTorchExtension.class, LeakCheck.class})
class MnistModelsTest {
    private static final RunConfig FLOAT64 =
            RunConfigs.mlp(4, List.of(2), 2, 1, 0, "float64", "sgd", List.of(new Phase(1, 0.5)));

    @ParameterizedTest
    @CsvSource({
        "expanded,its weights share their memory",
        "nan,holds weights that are NaN or infinite",
        "overflows_in_float32,holds weights that are NaN or infinite",
        "answers_nan,holds weights so large that the network answers NaN"
    })
    void weightsThatCannotBeUsedAreRefused(String name, String reason) {
        Path file = file(name);
        assertThatThrownBy(() -> MnistModels.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(reason);
    }

    /** They overflow in float32 alone. */
    @Test
    void aRunInFloat64MayBeginWithThem() throws IOException {
        MnistModels.requireWeights(file("overflows_in_float32"), FLOAT64);
    }

    /** {@code torch.stack([])} in Python, which says "stack expects a non-empty TensorList". */
    @Test
    void anEmptyLoaderIsRefusedWithoutFramesOfLibTorch() {
        var empty = DataLoader.of(new Subset<>(Mnist.bundled(Mnist.Split.TEST), new int[0]))
                .build();
        try (MnistModel model = new MnistModel(784, 2, 10)) {
            assertThatThrownBy(() -> Training.evaluate(model, empty))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("there is no mean of no batches: the loader is empty");
        }
    }

    private static Path file(String name) {
        return Path.of("test-data/pt/unusable", name + ".pt");
    }
}
