package io.github.mnistlibtorch.app.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.StateDriver;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** With a clock that a test moves: 1,000 images in steps of 300, 2 epochs. */
@ExtendWith(LibTorchExtension.class)
class ProgressBarTest {
    private static final EpochResult RESULT = new EpochResult(0.5, 0.9);

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private long now = 1_000_000;
    private StateDriver training = new StateDriver();

    @AfterEach
    void close() {
        training.close();
    }

    @Test
    void elsewhereThereIsALineForEachEpoch() {
        begin(progress(/* terminal= */ false, 2));
        epoch();
        epoch();

        assertThat(text().lines())
                .containsExactly(
                        "1 of 2 epochs done, training loss 0.5208, 500 images/s, 0:03 left",
                        "2 of 2 epochs done, training loss 0.5208, 500 images/s");
    }

    @Test
    void onATerminalABarIsDrawnAndErased() {
        begin(progress(/* terminal= */ true, 2));
        epoch();

        List<String> frames = Arrays.asList(text().split("\r\033\\[K", -1));
        assertThat(frames)
                .containsExactly(
                        "",
                        "epoch 1/2 [######------------------] 1/4 loss 1.0000 500 images/s 0:04 left",
                        "epoch 1/2 [############------------] 2/4 loss 0.5000 500 images/s 0:03 left",
                        "epoch 1/2 [##################------] 3/4 loss 0.3333 500 images/s 0:03 left",
                        "");
        assertThat(frames).allMatch(frame -> frame.length() < 80);
    }

    @Test
    void theBarIsDrawnTenTimesASecondAtMost() {
        begin(new ProgressBar(stream(), true, 1, 100_000, 1, () -> now));
        training.epochStarts(0);
        for (int i = 1; i < 1000; i++) {
            now += 1_000_000;
            training.step(1);
        }
        assertThat(text().split("\r", -1)).hasSize(1 + 9);
    }

    @Test
    void aLongRunIsToldInHours() {
        begin(progress(false, 8000));
        epoch();
        assertThat(text()).contains(" 5:33:18 left");
    }

    /** A tensor of {@code meta} has no number to read: reading it would throw. */
    @Test
    void onADeviceNoStepIsWaitedFor() {
        begin(progress(/* terminal= */ true, 3));
        epoch();
        written.reset();
        try (Device meta = Devices.of("meta");
                Tensor one = torch.tensor(1f);
                Tensor loss = Devices.toDevice(one, meta)) {
            training.epochStarts(1);
            for (int step = 1; step <= 4; step++) {
                now += 500_000_000;
                training.step(loss);
            }
        }
        assertThat(text())
                .contains("epoch 2/3 [######------------------] 1/4 last epoch's loss 0.5208 500 images/s 0:04 left");
    }

    private void begin(ProgressBar progress) {
        training = new StateDriver(progress);
        progress.onTrainingStart(training.state(), /* resumed= */ false);
        training.fitStarts(0.1);
    }

    /** Steps of half a second, and half a second to evaluate. */
    private void epoch() {
        training.epochStarts(0);
        for (int step = 1; step <= 4; step++) {
            now += 500_000_000;
            training.step(1f / step);
        }
        now += 500_000_000;
        training.epochEnds(RESULT);
    }

    private ProgressBar progress(boolean terminal, int epochs) {
        return new ProgressBar(stream(), terminal, epochs, 1000, 300, () -> now);
    }

    private PrintStream stream() {
        return new PrintStream(written, true, UTF_8);
    }

    private String text() {
        return written.toString(UTF_8);
    }
}
