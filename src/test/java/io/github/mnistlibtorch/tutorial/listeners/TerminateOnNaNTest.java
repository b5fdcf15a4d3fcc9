package io.github.mnistlibtorch.tutorial.listeners;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.StateDriver;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(LibTorchExtension.class)
class TerminateOnNaNTest {
    private static final EpochResult GOOD = new EpochResult(0.5, 0.9);

    private StateDriver training = new StateDriver();

    @BeforeEach
    void begin() {
        begin(/* everyStep= */ true);
    }

    private void begin(boolean everyStep) {
        training = new StateDriver(new TerminateOnNaN(everyStep));
        training.fitStarts(0.5);
        training.epochStarts(0);
    }

    @AfterEach
    void close() {
        training.close();
    }

    @Test
    void finiteLossesPassHoweverLarge() {
        for (int epoch = 0; epoch < 5; epoch++) {
            training.epoch(epoch, GOOD, Float.MAX_VALUE, 0);
        }
    }

    @ParameterizedTest
    @CsvSource({"NaN, nan", "Infinity, inf", "-Infinity, -inf"})
    void saysWhatTheLossIsAndWhere(float loss, String word) {
        training.step(1);
        training.step(1);
        assertThatThrownBy(() -> training.step(loss))
                .isInstanceOf(DivergedException.class)
                .hasMessage("loss is " + word + " at step 3 of Epoch [0], learning rate 0.5; try a lower one");
    }

    @Test
    void epochsAreCountedAsTheyArePrinted() {
        training.epoch(0, GOOD, 1);
        training.epoch(1, GOOD, 1);
        training.fitStarts(0.1);
        training.epoch(0, GOOD, 1);
        training.epochStarts(1);
        assertThatThrownBy(() -> training.step(Float.NaN))
                .hasMessageContaining("at step 1 of Epoch [1], learning rate 0.1");
    }

    @Test
    void anEvaluationMayBeTheFirstToTell() {
        training.step(1);
        assertThatThrownBy(() -> training.epochEnds(new EpochResult(Double.NaN, 0.1)))
                .isInstanceOf(DivergedException.class)
                .hasMessage("val_loss is nan after Epoch [0], learning rate 0.5; try a lower one");
    }

    @Test
    void ranksLookAtTheLossThatAllHave() {
        close();
        begin(/* everyStep= */ false);
        training.step(Float.NaN);
        assertThatThrownBy(() -> training.epochEnds(GOOD))
                .hasMessage("loss is nan in Epoch [0], learning rate 0.5; try a lower one");
    }

    /** A tensor of {@code meta} has no number to read: reading it would throw. */
    @Test
    void onADeviceNoStepIsWaitedFor() {
        try (Device meta = new Device("meta");
                Tensor one = torch.ones(1);
                Tensor loss = one.to(meta, torch.ScalarType.Float)) {
            assertThatCode(() -> training.step(loss)).doesNotThrowAnyException();
        }
    }
}
