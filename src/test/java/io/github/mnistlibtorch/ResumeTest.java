package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.app.run.CheckpointWriter;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunConfigs;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A run that is interrupted and goes on ends like one that was not: the checkpoint after the last epoch, which holds the
 * weights, the state of the optimizer and of the generator, and the history, is the same file, byte for byte.
 */
@ExtendWith(LibTorchExtension.class)
@Tag("slow")
class ResumeTest {
    private static final List<Phase> SCHEDULE = List.of(new Phase(2, 0.05), new Phase(3, 0.01));
    private static final TrainingListener NOTHING = new TrainingListener() {};
    private static final int EPOCHS = 5;
    private static final int STEPS = 5; // in an epoch

    private static Mnist mnist;
    private static Device cpu;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        cpu = Devices.of("cpu");
        Random random = new Random(1);
        byte[] pixels = new byte[200 * 28 * 28];
        random.nextBytes(pixels);
        byte[] labels = new byte[200];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = (byte) random.nextInt(10);
        }
        mnist = Mnist.of(pixels, 28, 28, labels);
    }

    @AfterAll
    static void close() {
        cpu.close();
    }

    @ParameterizedTest
    @CsvSource({
        "sgd,0,float32",
        "sgd,2,float64",
        "adam,0,float64",
        "adam,3,float32",
        "momentum,1,float32",
        "adamw,0,float32",
        "rmsprop,0,float64"
    })
    void endsAsIfNeverInterruptedWhereverItWas(String optimizer, int numWorkers, String dtype) throws IOException {
        RunConfig config = config(optimizer, numWorkers, dtype);
        String uninterrupted = run(config, "whole", NOTHING, null);
        for (int step = 0; step <= EPOCHS * STEPS; step++) {
            String out = "stopped" + step;
            stopAfter(step, config, out, null);
            String resumed = resume(config, out, NOTHING);
            assertThat(resumed).as("stopped after step " + step).isEqualTo(uninterrupted);
            assertSameFiles("whole", out);
        }
    }

    @ParameterizedTest
    @CsvSource({"sgd", "adam"})
    void mayBeInterruptedAgainAndAgain(String optimizer) throws IOException {
        RunConfig config = config(optimizer, 2, "float32");
        run(config, "whole", NOTHING, null);
        stopAfter(2, config, "often", null);
        // An epoch that is stopped begins again, so each goes a little further than one epoch.
        for (int i = 1; i < EPOCHS; i++) {
            try (Checkpoint checkpoint = Checkpoint.read(file("often"))) {
                assertThat(checkpoint.epochs()).isEqualTo(i - 1);
                stopAfter(STEPS + 1, config(optimizer, i % 3, "float32"), "often", checkpoint);
            }
        }
        resume(config, "often", NOTHING);
        assertSameFiles("whole", "often");
    }

    /** A finished run goes on as if it had been asked for more epochs at once: of its last call of fit, or of others. */
    @ParameterizedTest
    @CsvSource({"sgd,1", "adam,1", "momentum,4", "rmsprop,3"})
    void aFinishedRunIsTrainedFurther(String optimizer, int moreEpochs) throws IOException {
        RunConfig config = config(optimizer, 0, "float32");
        for (List<Phase> longer : List.of(
                List.of(SCHEDULE.get(0), new Phase(3 + moreEpochs, 0.01)),
                List.of(SCHEDULE.get(0), SCHEDULE.get(1), new Phase(moreEpochs, 0.003)))) {
            RunConfig more = config.with(config.valSize(), longer);
            String atOnce = run(more, "whole", NOTHING, null);
            run(config, "finished", NOTHING, null);
            assertThat(resume(more, "finished", NOTHING)).isEqualTo(atOnce);
            assertSameFiles("whole", "finished");
        }
    }

    @Test
    void aRunBeginsWithTheWeightsOfAnother() throws IOException {
        RunConfig config = config("sgd", 0, "float32");
        run(config, "first", NOTHING, null);
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        List<EpochResult> results = new TrainingRun(config("sgd", 0, "float64"), mnist, cpu)
                .printTo(new PrintStream(printed, true, UTF_8))
                .initFrom(folder.resolve("first/model.pt"))
                .run();
        List<EpochResult> first;
        try (Checkpoint checkpoint = Checkpoint.read(file("first"))) {
            first = checkpoint.history();
        }
        // The same validation split, as the seed is the same; float64 adds the same numbers more exactly.
        assertThat(results.get(0).valLoss())
                .isCloseTo(first.get(first.size() - 1).valLoss(), within(1e-6));
        assertThat(results.get(0).valAcc())
                .isEqualTo(first.get(first.size() - 1).valAcc());
        assertThatThrownBy(() -> new TrainingRun(config, mnist, cpu)
                        .printNothing()
                        .initFrom(Path.of("test-data/pt/state_dict.pt"))
                        .run())
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith("test-data/pt/state_dict.pt does not hold the weights of this model: it lacks"
                        + " \"linear1.weight\", \"linear1.bias\", \"linear2.weight\" and 1 more, it has");
    }

    @Test
    void theOneBeforeIsKept() throws IOException {
        RunConfig config = config("adam", 0, "float32");
        run(config, "whole", NOTHING, null);
        try (Checkpoint last = Checkpoint.read(file("whole"));
                Checkpoint previous = Checkpoint.read(Checkpoint.previous(file("whole")))) {
            assertThat(last.epochs()).isEqualTo(EPOCHS);
            assertThat(previous.epochs()).isEqualTo(EPOCHS - 1);
        }
        Files.move(
                Checkpoint.previous(file("whole")),
                Files.createDirectory(folder.resolve("from previous")).resolve("checkpoint.pt"));
        resume(config, "from previous", NOTHING);
        assertSameFiles("whole", "from previous");
    }

    /** What is in the way may be damaged, or of another run: it must not take the place of the one that was good. */
    @Test
    void aFileThatIsNotOfThisRunIsNotKept() throws IOException {
        RunConfig config = config("sgd", 0, "float32");
        stopAfter(2 * STEPS + 1, config, "out", null);
        Path previous = Checkpoint.previous(file("out"));
        byte[] good = Files.readAllBytes(previous);
        Files.write(file("out"), new byte[100]);
        try (Checkpoint checkpoint = Checkpoint.read(previous)) {
            TrainingListener looker = new TrainingListener() {
                @Override
                public void onBatchEnd(TrainingState training, Tensor loss) {
                    assertThat(previous).hasBinaryContent(good);
                }
            };
            RunConfig oneEpoch = config.with(config.valSize(), List.of(new Phase(2, 0.05)));
            run(oneEpoch, "out", looker, checkpoint);
        }
        assertThat(previous).hasBinaryContent(good);
    }

    @ParameterizedTest
    @CsvSource({"sgd", "adam"})
    void leavesNoPointerBehind(String optimizer) throws IOException {
        RunConfig config = config(optimizer, 0, "float32");
        stopAfter(STEPS + 2, config, "warm", null);
        resume(config, "warm", NOTHING);
        stopAfter(STEPS + 2, config, "counted", null);
        long before = LeakCheck.settled();
        resume(config, "counted", NOTHING);
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void weightsOfAnotherNetworkAreRefused() throws IOException {
        stopAfter(STEPS, config("adam", 0, "float64"), "out", null);
        try (Checkpoint checkpoint = Checkpoint.read(file("out"))) {
            assertThatThrownBy(() -> run(config("adam", 0, "float32"), "out", NOTHING, checkpoint))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("its \"linear1.weight\" is Double, and the model's is Float");
        }
    }

    /** A convolutional model, whose state dict is another. */
    @Test
    void aConvolutionalModelGoesOnToo() throws IOException {
        RunConfig cnn = new RunConfig(
                "cnn", List.of(), 3, 50, 32, 64, "float32", "adam", SCHEDULE, 0, "", null, ImageSpec.MNIST);
        String uninterrupted = run(cnn, "whole", NOTHING, null);
        stopAfter(2 * STEPS + 1, cnn, "stopped", null);
        assertThat(resume(cnn, "stopped", NOTHING)).isEqualTo(uninterrupted);
        assertSameFiles("whole", "stopped");
    }

    private void stopAfter(int steps, RunConfig config, String out, @Nullable Checkpoint resume) {
        RunListener stop = new RunListener() {
            private int left = steps;

            @Override
            public void onTrainingStart(TrainingState training, boolean resumed) {
                stopIf(left == 0);
            }

            @Override
            public void onBatchEnd(TrainingState training, Tensor loss) {
                left--;
                stopIf(left == 0 && steps % STEPS != 0);
            }

            @Override
            public void onEpochEnd(TrainingState training, EpochResult result) {
                stopIf(left == 0);
            }

            private void stopIf(boolean now) {
                if (now) {
                    throw new Stopped();
                }
            }
        };
        assertThatThrownBy(() -> run(config, out, stop, resume)).isInstanceOf(Stopped.class);
    }

    private String resume(RunConfig config, String out, TrainingListener listener) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.read(file(out))) {
            return run(config, out, listener, checkpoint);
        }
    }

    /** @return what it prints */
    private String run(RunConfig config, String out, TrainingListener listener, @Nullable Checkpoint resume)
            throws IOException {
        Path to = Files.createDirectories(folder.resolve(out));
        CheckpointWriter writer = new CheckpointWriter(
                file(out), config, Map.of("kernels", "these"), resume == null ? null : resume.file());
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        TrainingRun run = new TrainingRun(config, mnist, cpu)
                .printTo(new PrintStream(printed, true, UTF_8))
                .saveTo(to)
                .listeners(writer, listener);
        if (resume != null) {
            run.resume(resume);
        }
        run.run();
        return printed.toString(UTF_8);
    }

    private void assertSameFiles(String expected, String actual) throws IOException {
        for (String name : List.of("checkpoint.pt", "model.pt", "model.safetensors", "history.json", "loss.png")) {
            assertThat(folder.resolve(actual).resolve(name))
                    .as(actual)
                    .hasBinaryContent(
                            Files.readAllBytes(folder.resolve(expected).resolve(name)));
        }
    }

    private Path file(String out) {
        return folder.resolve(out).resolve("checkpoint.pt");
    }

    private static RunConfig config(String optimizer, int numWorkers, String dtype) {
        return RunConfigs.mlp(3, List.of(8), 32, 50, numWorkers, dtype, optimizer, SCHEDULE);
    }

    private static final class Stopped extends RuntimeException {}
}
