package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.parity.CheckResult;
import io.github.mnistlibtorch.app.parity.ForkReport;
import io.github.mnistlibtorch.app.parity.ReluFork;
import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceComparison;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.parity.TraceRecorder;
import io.github.mnistlibtorch.app.parity.fork.ForkFollower;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The whole article, step by step, against recorded runs of real Python.
 *
 * <p>The build pins the kernels of ATen and OpenBLAS to AVX2 for the tests, so that float32 runs fork where they are known
 * to fork, and nowhere else.
 */
@ExtendWith(LibTorchExtension.class)
@Tag("slow")
class ArticleParityTest {
    /** Where Debian's package dataset-fashion-mnist puts its files. */
    private static final Path FASHION_MNIST = Path.of("/usr/share/datasets/fashion-mnist");

    private static Mnist mnist;

    @BeforeAll
    static void start() {
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
    }

    @ParameterizedTest
    @CsvSource({
        "article-seed42-float32.json.gz,4",
        "article-seed42-float32.json.gz,0",
        "article-seed42-float64.json.gz,2",
        "article-seed0-float64.json.gz,2",
        "article-seed1-hidden64-float64.json.gz,2",
        "article-seed3-adam-float64.json.gz,2",
        "article-seed5-hidden64-32-float64.json.gz,2",
        "article-seed7-float32.json.gz,2",
        "article-seed7-batch100-float64.json.gz,2",
        "cnn-seed5-float64.json.gz,2"
    })
    void everyRungHoldsWithoutAFork(String name, int numWorkers) throws IOException {
        Outcome outcome = run(read(name), numWorkers, mnist);
        assertThat(outcome.results()).allMatch(CheckResult::passed);
        assertThat(outcome.report()).isEqualTo(ForkReport.NONE);
    }

    @Test
    void gateThatTurnedIsFoundAndEveryRungHoldsWithIt() throws IOException {
        Outcome outcome = run(read("article-seed0-float32.json.gz"), 2, mnist);
        assertThat(outcome.results()).allMatch(CheckResult::passed);
        ReluFork fork = outcome.report().forks().get(0);
        // Found by hand: with Python's kernels this pre-activation is -2.0e-7, with those of these tests 5.2e-8.
        assertThat(List.of(fork.step(), fork.row(), fork.unit(), fork.seen())).containsExactly(515, 60, 8, 516);
        assertThat(Math.abs(fork.preActivation())).isLessThan(fork.error());
    }

    @Test
    void gateWhoseTurnIsStillWithinTheToleranceIsFound() throws IOException {
        Outcome outcome = run(read("article-seed1-hidden64-float32.json.gz"), 2, mnist);
        assertThat(outcome.results()).allMatch(CheckResult::passed);
        ReluFork fork = outcome.report().forks().get(0);
        // Found by hand: 4.8e-7 in Python, 0.0 here.
        assertThat(List.of(fork.step(), fork.row(), fork.unit(), fork.seen())).containsExactly(277, 79, 18, 278);
        assertThat(fork.preActivation()).isZero();
    }

    @Test
    void fashionMnistIsPythonsToo() throws IOException {
        Assumptions.assumeTrue(
                Files.isDirectory(FASHION_MNIST), "install Debian's package dataset-fashion-mnist to run this");
        Mnist fashion = Mnist.load(FASHION_MNIST, Mnist.Split.TRAIN);
        assertThat(run(read("fashion-seed42-float32.json.gz"), 2, fashion).results())
                .allMatch(CheckResult::passed);
        assertThat(run(read("fashion-seed42-float64.json.gz"), 2, fashion).results())
                .allMatch(CheckResult::passed);
    }

    @Test
    void guidedRunLeavesNoPointerBehind() throws IOException {
        Trace trace = read("article-seed0-float32.json.gz");
        run(trace, 0, mnist);
        long before = LeakCheck.settled();
        run(trace, 0, mnist);
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    private record Outcome(List<CheckResult> results, ForkReport report) {}

    private static Trace read(String name) throws IOException {
        return TraceFile.read(Path.of("test-data", name));
    }

    private static Outcome run(Trace expected, int numWorkers, Mnist dataset) throws IOException {
        RunConfig config = expected.config();
        try (Device cpu = Devices.of("cpu")) {
            TraceRecorder recorder = new TraceRecorder(config);
            try (ForkFollower follower = new ForkFollower(expected, config, cpu, recorder)) {
                RunConfig workers = new RunConfig(
                        config.model(),
                        config.hiddenSizes(),
                        config.seed(),
                        config.valSize(),
                        config.batchSize(),
                        config.valBatchSize(),
                        config.dtype(),
                        config.optimizer(),
                        config.schedule(),
                        numWorkers,
                        "",
                        null,
                        config.images());
                new TrainingRun(workers, dataset, cpu)
                        .printNothing()
                        .listeners(recorder, follower)
                        .run();
                return new Outcome(
                        TraceComparison.compare(expected, recorder.trace(), follower.report()), follower.report());
            }
        }
    }
}
