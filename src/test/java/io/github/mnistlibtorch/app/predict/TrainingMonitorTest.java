package io.github.mnistlibtorch.app.predict;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith({LibTorchExtension.class, LeakCheck.class})
class TrainingMonitorTest {
    private static final int STEPS = 5; // in an epoch
    private static final int EPOCHS = 3;

    @TempDir
    private Path folder;

    private final Mnist mnist = images();

    /** Noise, with a bright row that says which class it is. */
    private static Mnist images() {
        Random random = new Random(1);
        byte[] pixels = new byte[200 * 28 * 28];
        random.nextBytes(pixels);
        byte[] labels = new byte[200];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = (byte) random.nextInt(10);
        }
        return Mnist.of(pixels, 28, 28, labels);
    }

    private static RunConfig config(String model, String dtype) {
        return new RunConfig(
                model,
                model.equals("mlp") ? List.of(8) : List.of(),
                42,
                100,
                20,
                100,
                dtype,
                "sgd",
                List.of(new Phase(2, 0.1), new Phase(1, 0.01)),
                0,
                "",
                null,
                ImageSpec.MNIST);
    }

    private String run(RunConfig config, String name, RunListener... listeners) throws IOException {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (Device cpu = Devices.of("cpu")) {
            new TrainingRun(config, mnist, cpu)
                    .printTo(new PrintStream(printed, true, UTF_8))
                    .saveTo(Files.createDirectory(folder.resolve(name)))
                    .listeners(listeners)
                    .run();
        }
        return printed.toString(UTF_8);
    }

    /** With a loss and a snapshot at every step, not some a second. */
    @ParameterizedTest
    @CsvSource({"mlp,float32", "mlp,float64", "cnn,float32"})
    void aWatchedRunIsTheSameBitForBit(String model, String dtype) throws IOException {
        RunConfig config = config(model, dtype);
        String alone = run(config, "alone");
        TrainingMonitor monitor = new TrainingMonitor(config, 100, 0, 0);
        monitor.watchers(1);
        assertThat(run(config, "watched", monitor)).isEqualTo(alone);
        for (String file : TrainingRun.FILES) {
            assertThat(folder.resolve("watched").resolve(file)).hasSameBinaryContentAs(folder.resolve("alone/" + file));
        }
    }

    @Test
    void aPageIsToldTheLossOfEachStepAndTheResultOfEachEpoch() throws IOException {
        RunConfig config = config("mlp", "float32");
        TrainingMonitor monitor = new TrainingMonitor(config, 100, 0, 0);
        monitor.watchers(1);
        TrainingMonitor.Cursor early = new TrainingMonitor.Cursor();
        List<Map<String, Object>> told = new ArrayList<>();
        List<Double> losses = new ArrayList<>();
        List<EpochResult> results = new ArrayList<>();
        run(config, "run", monitor, new RunListener() {
            @Override
            public void onTrainingStart(TrainingState training, boolean resumed) {
                results.addAll(training.history());
            }

            @Override
            public void onBatchEnd(TrainingState training, Tensor loss) {
                losses.add(loss.item_double());
                told.add(monitor.news(early));
            }

            @Override
            public void onEpochEnd(TrainingState training, EpochResult result) {
                results.add(result);
                told.add(monitor.news(early));
            }
        });
        monitor.done();

        // At each step its loss and the weights; the first time, what the run is and the held-out images.
        assertThat(told).hasSize(EPOCHS * (STEPS + 1));
        for (int step = 0; step < EPOCHS * STEPS; step++) {
            Map<String, Object> news = told.get(step + step / STEPS);
            assertThat(news).containsEntry("step", step + 1L).containsKeys("weights", "predicted");
            assertThat(TrainingMonitorTest.<Double>value(news, "loss")).isCloseTo(losses.get(step), within(1e-5));
            assertThat(news.containsKey("sample")).isEqualTo(step == 0);
            assertThat(news.containsKey("run")).isEqualTo(step == 0);
        }
        assertThat(monitor.news(early)).containsOnlyKeys("weights", "predicted", "done");
        assertThat(early.isEnded()).isTrue();
        assertThat(monitor.news(early)).isEmpty();

        // Who comes late is told all of it at once.
        TrainingMonitor.Cursor late = new TrainingMonitor.Cursor();
        Map<String, Object> all = monitor.news(late);
        assertThat(late.isEnded()).isTrue();
        List<Double> values = value(value(all, "losses"), "values");
        assertThat(values).hasSameSizeAs(losses);
        for (int i = 0; i < values.size(); i++) {
            assertThat(values.get(i)).isCloseTo(losses.get(i), within(1e-5));
        }
        List<Map<String, Object>> epochs = value(all, "epochs");
        assertThat(epochs).hasSize(1 + EPOCHS);
        for (int i = 0; i < epochs.size(); i++) {
            assertThat(TrainingMonitorTest.<Double>value(epochs.get(i), "valAcc"))
                    .isCloseTo(results.get(i).valAcc(), within(1e-5));
        }
        assertThat(epochs.get(3)).containsEntry("learningRate", 0.01);

        // All held-out images are in the sample: as many are taken for what they are as the accuracy says.
        Map<String, Object> sample = value(all, "sample");
        int[] labels = value(sample, "labels");
        int[] predicted = value(all, "predicted");
        long right =
                IntStream.range(0, 100).filter(i -> labels[i] == predicted[i]).count();
        assertThat(right / 100.0).isCloseTo(results.get(EPOCHS).valAcc(), within(1e-6));
        assertThat(Base64.getDecoder().decode(TrainingMonitorTest.<String>value(sample, "grey")))
                .hasSize(100 * 28 * 28);
        Map<String, Object> weights = value(all, "weights");
        assertThat(weights).containsEntry("units", 8).containsEntry("columns", 28);
        assertThat(Base64.getDecoder().decode(TrainingMonitorTest.<String>value(weights, "bytes")))
                .hasSize(8 * 28 * 28);
    }

    @Test
    void whatNobodyWatchesIsNotLookedAt() throws IOException {
        RunConfig config = config("mlp", "float32");
        TrainingMonitor monitor = new TrainingMonitor(config, 100, 0, 0);
        TrainingMonitor.Cursor cursor = new TrainingMonitor.Cursor();
        List<Map<String, Object>> told = new ArrayList<>();
        run(config, "run", monitor, new RunListener() {
            @Override
            public void onBatchEnd(TrainingState training, Tensor loss) {
                told.add(monitor.news(cursor));
            }
        });
        assertThat(told.get(0)).containsKey("weights"); // before the first step
        assertThat(told.subList(1, STEPS)).allSatisfy(news -> assertThat(news).isEmpty());
    }

    /** 4,096 points at most: the means of 2 steps, then of 4, each of them told again from the beginning. */
    @Test
    void aLongTrainingsCurveHasFewerPoints() {
        TrainingMonitor monitor = new TrainingMonitor(config("mlp", "float32"), 100);
        TrainingMonitor.Cursor cursor = new TrainingMonitor.Cursor();
        int steps = 3 * TrainingMonitor.MOST_POINTS;
        Map<String, Object> losses = Map.of();
        for (int step = 0; step < steps; step++) {
            monitor.addLoss(step);
            Map<String, Object> news = monitor.news(cursor);
            losses = news.containsKey("losses") ? value(news, "losses") : losses;
        }
        assertThat(losses).containsEntry("stride", 4);
        List<Double> values = value(value(monitor.news(new TrainingMonitor.Cursor()), "losses"), "values");
        assertThat(values).hasSize(steps / 4);
        assertThat(values.get(0)).isEqualTo((0 + 1 + 2 + 3) / 4.0);
        assertThat(values.get(values.size() - 1)).isEqualTo(steps - 2.5);
    }

    /** A value that has to be there. */
    @SuppressWarnings("unchecked")
    private static <T> T value(Map<String, Object> fields, String name) {
        return (T) requireNonNull(fields.get(name), name);
    }
}
