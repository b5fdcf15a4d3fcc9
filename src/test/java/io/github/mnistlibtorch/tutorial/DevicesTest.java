package io.github.mnistlibtorch.tutorial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Moves to LibTorch's {@code meta} device: another device that exists on every machine. */
@ExtendWith(LibTorchExtension.class)
class DevicesTest {
    private static Device meta;

    @BeforeAll
    static void start() {
        meta = Devices.of("meta");
    }

    @Test
    void defaultDeviceIsTheGpuOnlyIfThereIsOne() {
        String expected = torch.cuda_is_available() ? "cuda" : "cpu";
        assertThat(PythonRepr.str(Devices.getDefaultDevice())).isEqualTo(expected);
    }

    @Test
    void movesATensorAndKeepsItsShapeAndDtype() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor moved = Devices.toDevice(int64(1, 2, 3), meta);
            assertThat(moved.is_meta()).isTrue();
            assertThat(moved.scalar_type().intern()).isEqualTo(ScalarType.Long);
            assertThat(moved.shape()).containsExactly(3);
        }
    }

    @Test
    void aTensorThatIsThereAlreadyIsNotCopied() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = torch.ones(2);
            Tensor moved = Devices.toDevice(tensor, Devices.of("cpu"));
            assertThat(moved.data_ptr().address()).isEqualTo(tensor.data_ptr().address());
        }
    }

    @Test
    void movesBothTensorsOfABatch() {
        try (TensorScope scope = TensorScope.open()) {
            Batch moved = Devices.toDevice(new Batch(torch.ones(2, 1, 28, 28), int64(3, 4)), meta);
            assertThat(moved.images().is_meta()).isTrue();
            assertThat(moved.labels().is_meta()).isTrue();
        }
    }

    @Test
    void movesListsInsideLists() {
        try (TensorScope scope = TensorScope.open()) {
            List<List<Tensor>> moved =
                    Devices.toDevice(List.of(List.of(torch.ones(1)), List.of(torch.ones(2), torch.ones(3))), meta);
            assertThat(moved).hasSize(2);
            assertThat(moved.get(1)).hasSize(2).allMatch(Tensor::is_meta);
        }
    }

    @Test
    void aModelIsMovedInPlaceAndGivenBack() {
        try (MnistModel model = new MnistModel(4, 3, 2);
                TensorScope scope = TensorScope.open()) {
            Device device = Devices.getDefaultDevice();
            assertThat(Devices.toDevice(model, device)).isSameAs(model);
            assertThat(StateDict.of(model).values())
                    .hasSize(4)
                    .allMatch(parameter -> PythonRepr.str(parameter.device()).startsWith(PythonRepr.str(device)));
        }
    }

    @Test
    void aModelAsksLibTorchToMoveIt() {
        // The C++ Module refuses to put parameters on meta, unlike Python's: its refusal shows that the move is real.
        try (MnistModel model = new MnistModel(4, 3, 2)) {
            assertThatThrownBy(() -> Devices.toDevice(model, meta)).hasMessageContaining("incompatible tensor type");
        }
    }

    @Test
    void unknownDeviceIsRefusedInOneLine() {
        assertThatThrownBy(() -> Devices.of("abacus"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("abacus")
                .message()
                .doesNotContain("\n");
    }

    private static Tensor int64(long... values) {
        Tensor tensor = torch.empty(new long[] {values.length}, new TensorOptions(ScalarType.Long), null);
        tensor.data_ptr_long().put(values, 0, values.length);
        return tensor;
    }
}
