package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import java.io.Closeable;
import java.io.IOException;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LibTorchExtension.class)
class TensorsTest {
    @Test
    void arraysBecomeTensorsAndComeBack() {
        long before = Pointer.totalCount();
        try (TensorScope scope = TensorScope.open()) {
            assertThat(Tensors.toLongs(Tensors.int64(3, -1, Long.MAX_VALUE))).containsExactly(3, -1, Long.MAX_VALUE);
            assertThat(Tensors.toDoubles(Tensors.float64(0.1, Double.NaN))).containsExactly(0.1, Double.NaN);
            assertThat(Tensors.toFloats(Tensors.float64(0.1))).containsExactly(0.1f);
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void emptyTensorsHaveNoElements() {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(Tensors.toLongs(Tensors.int64())).isEmpty();
            assertThat(Tensors.toDoubles(Tensors.float64())).isEmpty();
        }
    }

    /** {@code torch.arange(6).view(2, 3).t().flatten().tolist()}: by rows of the tensor, not of its memory. */
    @Test
    void elementsComeRowByRow() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor transposed = Tensors.int64(0, 1, 2, 3, 4, 5).view(2, 3).t();
            assertThat(Tensors.toLongs(transposed)).containsExactly(0, 3, 1, 4, 2, 5);
        }
    }

    @Test
    void tensorMayRequireItsGradient() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor parameter = torch.ones(2).to(ScalarType.Double).set_requires_grad(true);
            assertThat(Tensors.toDoubles(parameter)).containsExactly(1, 1);
        }
    }

    @Test
    void whatFailsHalfwayIsClosedAndItsOwnFailureIsKept() {
        Closeable broken = () -> {
            throw new IOException("nor can it be closed");
        };
        assertThatThrownBy(() -> Resources.closeOnFailure(broken, () -> {
                    throw new IllegalStateException("half");
                }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("half")
                .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
        assertThat(Resources.closeOnFailure(broken, () -> "whole")).isEqualTo("whole");
    }
}
