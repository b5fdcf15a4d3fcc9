package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.MnistTutorial.Settings;
import io.github.mnistlibtorch.device.Devices;
import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.libtorch.LivePointers;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.train.Checkpoint;
import io.github.mnistlibtorch.train.CheckpointWriter;
import io.github.mnistlibtorch.train.OptimizerFactory;
import io.github.mnistlibtorch.train.Phase;
import io.github.mnistlibtorch.train.Replicas;
import io.github.mnistlibtorch.train.RunListener;
import io.github.mnistlibtorch.vision.Mnist;
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
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A run that is interrupted and goes on ends like one that was not: the checkpoint after the last epoch, which holds the
 * weights, the state of the optimizer and of the generator, and the history, is the same file, byte for byte.
 */
class ResumeTest {
    private static final List<Phase> SCHEDULE = List.of(new Phase(2, 0.05), new Phase(3, 0.01));
    private static final int EPOCHS = 5;
    private static final int STEPS = 5; // in an epoch

    private static Mnist mnist;
    private static Device cpu;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        LibTorch.start();
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
        Settings settings = settings(optimizer, numWorkers, dtype);
        String uninterrupted = run(settings, "whole", RunListener.NONE, null);
        for (int step = 0; step <= EPOCHS * STEPS; step++) {
            String out = "stopped" + step;
            stopAfter(step, settings, out, null);
            String resumed = resume(settings, out, RunListener.NONE);
            assertThat(resumed).as("stopped after step " + step).isEqualTo(uninterrupted);
            assertSameFiles("whole", out);
        }
    }

    @ParameterizedTest
    @CsvSource({"sgd", "adam"})
    void mayBeInterruptedAgainAndAgain(String optimizer) throws IOException {
        Settings settings = settings(optimizer, 2, "float32");
        run(settings, "whole", RunListener.NONE, null);
        stopAfter(2, settings, "often", null);
        // An epoch that is stopped begins again, so each goes a little further than one epoch.
        for (int i = 1; i < EPOCHS; i++) {
            try (Checkpoint checkpoint = Checkpoint.read(file("often"))) {
                assertThat(checkpoint.epochs()).isEqualTo(i - 1);
                stopAfter(STEPS + 1, settings(optimizer, i % 3, "float32"), "often", checkpoint);
            }
        }
        resume(settings, "often", RunListener.NONE);
        assertSameFiles("whole", "often");
    }

    @Test
    void theOneBeforeIsKept() throws IOException {
        Settings settings = settings("adam", 0, "float32");
        run(settings, "whole", RunListener.NONE, null);
        try (Checkpoint last = Checkpoint.read(file("whole"));
                Checkpoint previous = Checkpoint.read(Checkpoint.previous(file("whole")))) {
            assertThat(last.epochs()).isEqualTo(EPOCHS);
            assertThat(previous.epochs()).isEqualTo(EPOCHS - 1);
        }
        Files.move(
                Checkpoint.previous(file("whole")),
                Files.createDirectory(folder.resolve("from previous")).resolve("checkpoint.pt"));
        resume(settings, "from previous", RunListener.NONE);
        assertSameFiles("whole", "from previous");
    }

    /** What is in the way may be damaged, or of another run: it must not take the place of the one that was good. */
    @Test
    void aFileThatIsNotOfThisRunIsNotKept() throws IOException {
        Settings settings = settings("sgd", 0, "float32");
        stopAfter(2 * STEPS + 1, settings, "out", null);
        Path previous = Checkpoint.previous(file("out"));
        byte[] good = Files.readAllBytes(previous);
        Files.write(file("out"), new byte[100]);
        try (Checkpoint checkpoint = Checkpoint.read(previous)) {
            RunListener looker = new RunListener() {
                @Override
                public void stepDone(Tensor loss) {
                    assertThat(previous).hasBinaryContent(good);
                }
            };
            Settings oneEpoch = new Settings(
                    settings.seed(),
                    settings.valSize(),
                    settings.batchSize(),
                    settings.hiddenSizes(),
                    settings.numWorkers(),
                    settings.device(),
                    settings.dtype(),
                    settings.optimizer(),
                    List.of(new Phase(2, 0.05)));
            run(oneEpoch, "out", looker, checkpoint);
        }
        assertThat(previous).hasBinaryContent(good);
    }

    @ParameterizedTest
    @CsvSource({"sgd", "adam"})
    void leavesNoPointerBehind(String optimizer) throws IOException {
        Settings settings = settings(optimizer, 0, "float32");
        stopAfter(STEPS + 2, settings, "warm", null);
        resume(settings, "warm", RunListener.NONE);
        stopAfter(STEPS + 2, settings, "counted", null);
        long before = LivePointers.settled();
        resume(settings, "counted", RunListener.NONE);
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void weightsOfAnotherNetworkAreRefused() throws IOException {
        stopAfter(STEPS, settings("adam", 0, "float64"), "out", null);
        try (Checkpoint checkpoint = Checkpoint.read(file("out"))) {
            assertThatThrownBy(() -> run(settings("adam", 0, "float32"), "out", RunListener.NONE, checkpoint))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("linear1.weight is Double torch.Size([8, 784]) instead of Float");
        }
    }

    private void stopAfter(int steps, Settings settings, String out, @Nullable Checkpoint resume) {
        RunListener stop = new RunListener() {
            private int left = steps;

            @Override
            public void evaluated(EpochResult before) {
                stopIf(left == 0);
            }

            @Override
            public void stepDone(Tensor loss) {
                left--;
                stopIf(left == 0 && steps % STEPS != 0);
            }

            @Override
            public void epochDone(int epoch, double lr, double trainLoss, EpochResult result) {
                stopIf(left == 0);
            }

            private void stopIf(boolean now) {
                if (now) {
                    throw new Stopped();
                }
            }
        };
        assertThatThrownBy(() -> run(settings, out, stop, resume)).isInstanceOf(Stopped.class);
    }

    private String resume(Settings settings, String out, RunListener listener) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.read(file(out))) {
            return run(settings, out, listener, checkpoint);
        }
    }

    /** @return what it prints */
    private String run(Settings settings, String out, RunListener listener, @Nullable Checkpoint resume)
            throws IOException {
        Path to = Files.createDirectories(folder.resolve(out));
        RunListener writer = new CheckpointWriter(file(out), Map.of("seed", "3"), Map.of("kernels", "these"));
        PrintStream console = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(printed, true, UTF_8));
            MnistTutorial.run(mnist, settings, to, writer.and(listener), resume, Replicas.ONE);
        } finally {
            System.setOut(console);
        }
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

    private static Settings settings(String optimizer, int numWorkers, String dtype) {
        return new Settings(
                3,
                50,
                32,
                List.of(8),
                numWorkers,
                cpu,
                dtype.equals("float64") ? ScalarType.Double : ScalarType.Float,
                OptimizerFactory.named(optimizer),
                SCHEDULE);
    }

    private static final class Stopped extends RuntimeException {}
}
