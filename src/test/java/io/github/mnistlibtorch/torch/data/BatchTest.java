package io.github.mnistlibtorch.torch.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // scopes that are only opened and closed
class BatchTest {
    @BeforeAll
    static void startLibTorch() {
        LibTorch.start();
    }

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

    @Test
    void batchSeenAsExamplesIsGivenBackWithoutACopy() {
        try (TensorScope scope = TensorScope.open()) {
            Batch batch =
                    Batch.of(List.of(new LabeledImage(torch.zeros(1, 2), 3), new LabeledImage(torch.ones(1, 2), 4)));
            List<LabeledImage> examples = batch.asExamples();

            assertThat(Batch.of(examples)).isSameAs(batch);
            assertThat(examples).hasSize(2);
            assertThat(examples.get(1).label()).isEqualTo(4);
            assertThat(examples.get(1).image().data_ptr_float().get(0)).isEqualTo(1);
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> examples.get(2));
        }
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
        Batch batch = new Batch(images, torch.zeros(1));
        batch.close();

        assertThat(batch.images().isNull()).isTrue();
        assertThat(batch.labels().isNull()).isTrue();
    }
}
