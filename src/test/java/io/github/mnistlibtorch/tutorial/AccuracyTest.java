package io.github.mnistlibtorch.tutorial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LibTorchExtension.class)
class AccuracyTest {
    @Test
    void countsTheRowsWhoseLargestOutputIsAtTheLabel() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor outputs = matrix(3, 2, 0.1f, 0.9f, 0.8f, 0.2f, 0.3f, 0.7f);
            Tensor accuracy = Accuracy.accuracy(outputs, labels(1, 0, 0));
            assertThat(accuracy.item_float()).isEqualTo(2f / 3f);
            assertThat(accuracy.scalar_type().intern()).isEqualTo(ScalarType.Float);
            assertThat(accuracy.dim()).isZero();
        }
    }

    @Test
    void ofEqualOutputsTheFirstCounts() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor outputs = matrix(2, 3, 1, 1, 0, 0, 2, 2);
            assertThat(Accuracy.accuracy(outputs, labels(0, 1)).item_float()).isEqualTo(1f);
        }
    }

    /** Python raises ZeroDivisionError. */
    @Test
    void anEmptyBatchHasNone() {
        try (TensorScope scope = TensorScope.open()) {
            assertThatThrownBy(() -> Accuracy.accuracy(torch.zeros(0, 2), torch.zeros(0)))
                    .isInstanceOf(ArithmeticException.class)
                    .hasMessage("an empty batch has no accuracy");
        }
    }

    @Test
    void isTheCorrectlyRoundedQuotientForEveryCount() {
        try (TensorScope scope = TensorScope.open()) {
            for (int size : new int[] {3, 7, 16, 255, 256}) {
                Tensor outputs = torch.zeros(size, 2);
                long[] labels = new long[size];
                Arrays.fill(labels, 1);
                for (int right = 1; right <= size; right++) {
                    labels[right - 1] = 0;
                    assertThat(Accuracy.accuracy(outputs, labels(labels)).item_float())
                            .isEqualTo((float) ((double) right / size));
                }
            }
        }
    }

    private static Tensor matrix(int rows, int columns, float... values) {
        Tensor tensor = torch.empty(rows, columns);
        tensor.data_ptr_float().put(values, 0, values.length);
        return tensor;
    }

    private static Tensor labels(long... values) {
        Tensor tensor = torch.empty(new long[] {values.length}, new TensorOptions(ScalarType.Long), null);
        tensor.data_ptr_long().put(values, 0, values.length);
        return tensor;
    }
}
