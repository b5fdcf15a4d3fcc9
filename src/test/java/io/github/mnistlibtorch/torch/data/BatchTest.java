package io.github.mnistlibtorch.torch.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@SuppressWarnings("try") // scopes that are only opened and closed
@ExtendWith(LibTorchExtension.class)
class BatchTest {
    @Test
    void examplesAreStacked() {
        try (TensorScope scope = TensorScope.open()) {
            Batch batch =
                    Batch.of(List.of(new LabeledImage(torch.zeros(1, 2), 3), new LabeledImage(torch.ones(1, 2), 4)));

            assertThat(batch.size()).isEqualTo(2);
            assertThat(batch.images().shape()).containsExactly(2, 1, 2);
            assertThat(batch.images().data_ptr_float().get(3)).isEqualTo(1);
            assertThat(batch.labels().data_ptr_long().get(1)).isEqualTo(4);
        }
    }

    /** An image dataset is read without a tensor for each example; the bits are those of its items. */
    @Test
    void someExamplesOfADatasetAreABatch() {
        Mnist mnist = Mnist.of(new byte[] {0, 51, (byte) 255, 7}, 1, 2, new byte[] {3, 4});
        Dataset<LabeledImage> reversed = new Subset<>(mnist, new int[] {1, 0});
        long before = Pointer.totalCount();
        try (TensorScope scope = TensorScope.open()) {
            for (Dataset<LabeledImage> dataset : List.of(reversed, Fixtures.items(2, reversed::get))) {
                Batch batch = Batch.of(dataset, 1, 0);
                assertThat(batch.images().sizes().vec().get()).containsExactly(2, 1, 1, 2);
                assertThat(Tensors.toFloats(batch.images())).containsExactly(0, 51 / 255f, 1, 7 / 255f);
                assertThat(Tensors.toLongs(batch.labels())).containsExactly(3, 4);
            }
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> Batch.of(reversed, 2));
            Dataset<LabeledImage> tooFar = new Subset<>(mnist, new int[] {0, 70_000});
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> Batch.of(tooFar, 1))
                    .withMessage("Index 70000 out of bounds for length 2");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Batch.of(reversed))
                    .withMessage("a batch needs at least one example");
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void noExamplesAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Batch.of(List.of()))
                .withMessage("a batch needs at least one example");
    }

    @Test
    void closingFreesBothTensors() {
        Tensor images = torch.zeros(1, 2);
        Tensor labels = torch.zeros(1);
        new Batch(images, labels).close();

        assertThat(images.isNull()).isTrue();
        assertThat(labels.isNull()).isTrue();
    }
}
