package io.github.mnistlibtorch.app.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.StateDriver;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LibTorchExtension.class)
class RunTimingsTest {
    private static final EpochResult RESULT = new EpochResult(0.5, 0.9);
    private static final Pattern SENTENCE =
            Pattern.compile("Trained (\\d+) epochs in (\\d+\\.\\d{3}) s, evaluated (\\d+) times in (\\d+\\.\\d{3}) s,"
                    + " saved (\\d+) checkpoints in (\\d+\\.\\d{3}) s\\.");

    @Test
    void whatHasNotBegunTookNoTime() {
        assertThat(new RunTimings(new RunListener() {}))
                .hasToString("Trained 0 epochs in 0.000 s, evaluated 0 times in 0.000 s,"
                        + " saved 0 checkpoints in 0.000 s.");
    }

    @Test
    void stepsAreTrainingAndWhatFollowsThemIsEvaluation() {
        RunTimings stopwatch = new RunTimings(new RunListener() {
            @Override
            public void onTrainingStart(TrainingState training, boolean resumed) {
                sleep(30);
            }

            @Override
            public void onEpochEnd(TrainingState training, EpochResult result) {
                sleep(30);
            }
        });
        long begin = System.nanoTime();
        try (MnistModel model = new MnistModel(4, 2, 10);
                StateDriver training = new StateDriver(stopwatch)) {
            stopwatch.onModelCreated(model);
            sleep(20);
            stopwatch.onTrainingStart(training.state(), /* resumed= */ false);
            training.fitStarts(0.1);
            for (int epoch = 0; epoch < 3; epoch++) {
                training.epochStarts(epoch);
                for (int step = 0; step < 2; step++) {
                    sleep(20);
                    training.step(1);
                }
                sleep(5);
                training.epochEnds(RESULT);
            }
        }
        double all = (System.nanoTime() - begin) / 1e9;

        Matcher told = SENTENCE.matcher(stopwatch.toString());
        assertThat(told.matches()).as(stopwatch.toString()).isTrue();
        assertThat(told.group(1)).isEqualTo("3");
        assertThat(told.group(3)).isEqualTo("4");
        double training = Double.parseDouble(told.group(2));
        double evaluating = Double.parseDouble(told.group(4));
        assertThat(told.group(5)).isEqualTo("4");
        double saved = Double.parseDouble(told.group(6));
        // At least what was slept, at most what there was: no time is in two.
        assertThat(training).isGreaterThanOrEqualTo(0.120);
        assertThat(evaluating).isGreaterThanOrEqualTo(0.035);
        assertThat(saved).isGreaterThanOrEqualTo(0.120);
        assertThat(training + evaluating + saved).isLessThanOrEqualTo(all + 0.001);
        Map<String, Number> timings = stopwatch.timings();
        assertThat(timings)
                .containsEntry("epochs", 3)
                .containsEntry("evaluations", 4)
                .containsEntry("checkpoints", 4);
        assertThat(requireNonNull(timings.get("training_seconds")).doubleValue())
                .isCloseTo(training, within(0.001));
        assertThat(requireNonNull(timings.get("evaluation_seconds")).doubleValue())
                .isCloseTo(evaluating, within(0.001));
        assertThat(requireNonNull(timings.get("checkpoint_seconds")).doubleValue())
                .isCloseTo(saved, within(0.001));
    }

    private static void sleep(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
