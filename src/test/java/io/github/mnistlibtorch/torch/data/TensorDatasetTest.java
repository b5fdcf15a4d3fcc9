package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("try") // scopes that are only opened and closed
@ExtendWith(LibTorchExtension.class)
class TensorDatasetTest {
    @Test
    void itemIsTheListOfRowsAndAViewOfTheData() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor images = torch.zeros(4, 2);
            Tensor labels = Tensors.int64(5, 6, 7, 8);
            List<Tensor> item = new TensorDataset(images, labels).get(2);
            images.data_ptr_float().put(4, 0.5f);

            assertThat(item).hasSize(2);
            assertThat(item.get(0).shape()).containsExactly(2);
            assertThat(item.get(0).data_ptr_float().get(0)).isEqualTo(0.5f);
            assertThat(item.get(1).item_long()).isEqualTo(7);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void passesLeaveTheTensorsToTheirOwner(int workers) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor labels = Tensors.int64(5, 6, 7, 8);
            DataLoader<Object> loader = DataLoader.of(new TensorDataset(labels), DefaultCollate::collate)
                    .batchSize(2)
                    .numWorkers(workers)
                    .build();
            List<Long> seen = new ArrayList<>();
            for (int pass = 0; pass < 2; pass++) {
                for (Object batch : loader) {
                    Tensor column = (Tensor) ((List<?>) batch).get(0);
                    seen.add(column.data_ptr_long().get(0));
                    seen.add(column.data_ptr_long().get(1));
                }
            }

            assertThat(seen).containsExactly(5L, 6L, 7L, 8L, 5L, 6L, 7L, 8L);
            assertThat(labels.data_ptr_long().get(3)).isEqualTo(8);
        }
    }

    @Test
    void tensorsOfUnequalLengthAreRefused() {
        try (TensorScope scope = TensorScope.open()) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new TensorDataset(torch.ones(2), torch.ones(3)))
                    .withMessage(recordedMessage("collate", "unequal tensors"));
        }
    }

    @Test
    void noTensorsAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(TensorDataset::new);
    }

    @Test
    void rowThatIsNotThereIsRefused() {
        try (TensorScope scope = TensorScope.open()) {
            TensorDataset dataset = new TensorDataset(torch.ones(2));

            assertThat(dataset.size()).isEqualTo(2);
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> dataset.get(2));
        }
    }
}
