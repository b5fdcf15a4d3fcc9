package io.github.mnistlibtorch.train;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.model.EpochResult;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LossGuardTest {
    private static final EpochResult GOOD = new EpochResult(0.5, 0.9);
    private static final List<Phase> SCHEDULE = List.of(new Phase(2, 0.5), new Phase(0, 0.3), new Phase(3, 0.1));

    private final LossGuard guard = new LossGuard(SCHEDULE, /* everyStep= */ true);

    @BeforeAll
    static void start() {
        LibTorch.start();
    }

    @Test
    void finiteLossesPassHoweverLarge() {
        for (int epoch = 0; epoch < 5; epoch++) {
            step(Float.MAX_VALUE);
            step(0);
            assertThatCode(() -> guard.epochDone(0, 0.5, 1, GOOD)).doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @CsvSource({"NaN, nan", "Infinity, inf", "-Infinity, -inf"})
    void saysWhatTheLossIsAndWhere(float loss, String word) {
        step(1);
        step(1);
        assertThatThrownBy(() -> step(loss))
                .isInstanceOf(DivergedException.class)
                .hasMessage("loss is " + word + " at step 3 of Epoch [0], learning rate 0.5; try a lower one");
    }

    @Test
    void epochsAreCountedAsTheyArePrinted() {
        for (int epoch = 0; epoch < 2; epoch++) {
            step(1);
            guard.epochDone(epoch, 0.5, 1, GOOD);
        }
        step(1);
        guard.epochDone(0, 0.1, 1, GOOD);
        assertThatThrownBy(() -> step(Float.NaN)).hasMessageContaining("at step 1 of Epoch [1], learning rate 0.1");
    }

    @Test
    void anEvaluationMayBeTheFirstToTell() {
        step(1);
        assertThatThrownBy(() -> guard.epochDone(0, 0.5, 1, new EpochResult(Double.NaN, 0.1)))
                .isInstanceOf(DivergedException.class)
                .hasMessage("val_loss is nan after Epoch [0], learning rate 0.5; try a lower one");
    }

    @Test
    void ranksLookAtTheLossThatAllHave() {
        LossGuard guard = new LossGuard(SCHEDULE, /* everyStep= */ false);
        try (Tensor loss = torch.tensor(Float.NaN)) {
            guard.stepDone(loss);
        }
        assertThatThrownBy(() -> guard.epochDone(0, 0.5, Double.NaN, GOOD))
                .hasMessage("loss is nan in Epoch [0], learning rate 0.5; try a lower one");
    }

    /** A tensor of {@code meta} has no number to read: reading it would throw. */
    @Test
    void onADeviceNoStepIsWaitedFor() {
        try (Device meta = new Device("meta");
                Tensor one = torch.ones(1);
                Tensor loss = one.to(meta, torch.ScalarType.Float)) {
            assertThatCode(() -> guard.stepDone(loss)).doesNotThrowAnyException();
        }
        assertThatThrownBy(() -> guard.epochDone(0, 0.5, Double.POSITIVE_INFINITY, GOOD))
                .hasMessage("loss is inf in Epoch [0], learning rate 0.5; try a lower one");
    }

    private void step(float value) {
        try (Tensor loss = torch.tensor(value)) {
            guard.stepDone(loss);
        }
    }
}
