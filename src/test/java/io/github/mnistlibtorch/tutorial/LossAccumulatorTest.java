package io.github.mnistlibtorch.tutorial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LibTorchExtension.class)
class LossAccumulatorTest {
    private final LossAccumulator losses = new LossAccumulator();

    @Test
    void lossesComeInOrderAndOnce() {
        add(1);
        add(2);
        assertThat(losses.drain()).containsExactly(1.0, 2.0);
        add(3);
        assertThat(losses.drain()).containsExactly(3.0);
        assertThat(losses.drain()).isEmpty();
    }

    /** A tensor of {@code meta} has no number to read: reading it throws. */
    @Test
    void onADeviceNothingIsReadBeforeItIsAskedFor() {
        try (Device meta = Devices.of("meta");
                Tensor one = torch.tensor(1f);
                Tensor loss = Devices.toDevice(one, meta)) {
            long before = LeakCheck.settled();
            losses.add(loss);
            losses.add(loss);
            assertThat(Pointer.totalCount()).as("two are kept").isEqualTo(before + 2);

            assertThatThrownBy(losses::drain).hasMessageContaining("meta");
            assertThat(Pointer.totalCount()).as("none is").isEqualTo(before);

            losses.add(loss);
            losses.close();
            assertThat(Pointer.totalCount()).as("none is").isEqualTo(before);
        }
    }

    private void add(float value) {
        try (Tensor loss = torch.tensor(value)) {
            losses.add(loss);
        }
    }
}
