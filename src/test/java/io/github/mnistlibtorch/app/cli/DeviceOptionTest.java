package io.github.mnistlibtorch.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.torch.runtime.Cuda;
import io.github.mnistlibtorch.torch.runtime.Cuda.Gpu;
import io.github.mnistlibtorch.torch.runtime.InputException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceOptionTest {
    private static final Cuda TWO = new Cuda(
            List.of(new Gpu(0, "NVIDIA H100", 9, 0), new Gpu(2, "NVIDIA L4", 8, 9)),
            List.of(new Gpu(1, "Tesla V100", 7, 0)),
            null);
    private static final Cuda NONE = new Cuda(List.of(), List.of(), "the NVIDIA driver finds no GPU");

    @ParameterizedTest
    @ValueSource(strings = {"cuda", "cuda:0", "cuda:2", "cpu"})
    void aDeviceThatIsThereIsTaken(String name) {
        assertThatCode(() -> DeviceOption.requirePresent(name, TWO)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(strings = {"cuda:1", "cuda:3", "cuda:99"})
    void anIndexThatDoesNotExistIsRefusedByListingThoseThatDo(String name) {
        assertThatThrownBy(() -> DeviceOption.requirePresent(name, TWO))
                .isInstanceOf(InputException.class)
                .hasMessage("there is no " + name + " to be used; there is cuda:0 (NVIDIA H100, compute capability 9.0)"
                        + ", cuda:2 (NVIDIA L4, compute capability 8.9); this build has no code for cuda:1 (Tesla V100,"
                        + " compute capability 7.0)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"cuda", "cuda:0"})
    void withoutAGpuTheReasonIsSaid(String name) {
        assertThatThrownBy(() -> DeviceOption.requirePresent(name, NONE))
                .isInstanceOf(InputException.class)
                .hasMessage("there is no GPU to be used: the NVIDIA driver finds no GPU; --device cpu needs none");
    }

    @Test
    void autoTakesTheFirstGpuThatCanBeUsed() {
        assertThat(DeviceOption.best(TWO)).isEqualTo("cuda");
        assertThat(DeviceOption.best(new Cuda(TWO.gpus().subList(1, 2), List.of(), null)))
                .isEqualTo("cuda:2");
        assertThat(DeviceOption.best(NONE)).isEqualTo("cpu");
    }

    @Test
    void ofSeveralRanksEachTakesTheGpuOfItsNumber() throws InputException {
        assertThat(DeviceOption.ownGpu("auto", TWO, 2)).isEqualTo("cuda:2");
        assertThat(DeviceOption.ownGpu("cuda", TWO, 0)).isEqualTo("cuda:0");
        assertThat(DeviceOption.ownGpu("cuda:0", TWO, 2)).isEqualTo("cuda:0");
        assertThat(DeviceOption.ownGpu("cpu", TWO, 2)).isEqualTo("cpu");
        assertThat(DeviceOption.ownGpu("auto", NONE, 1)).isEqualTo("auto");
        Cuda one = new Cuda(TWO.gpus().subList(0, 1), List.of(), null);
        assertThat(DeviceOption.ownGpu("auto", one, 3))
                .as("the only one that it sees")
                .isEqualTo("auto");
        assertThatThrownBy(() -> DeviceOption.ownGpu("auto", TWO, 3))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith("LOCAL_RANK is 3, and there is no GPU of that number to be used, but cuda:0 (");
    }

    @Test
    void theCpuIsAlwaysThere() {
        assertThatCode(() -> DeviceOption.requirePresent("cpu", NONE)).doesNotThrowAnyException();
    }
}
