package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.run.TrainingRun;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code java -jar mnist-libtorch.jar}, its output and its files. */
class TrainIT {
    /** Lines of a run before those of the epochs. */
    private static final int LINES_BEFORE = 10;

    @TempDir
    private static Path folder;

    private static Trace trace;
    private static Program.Result run;

    @BeforeAll
    static void runWithoutArguments() throws IOException {
        trace = TraceFile.read(Path.of("test-data/article-seed42-float32.json.gz"));
        run = Program.run(folder);
    }

    @Test
    void printsWhatTheNotebookPrints() {
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out().subList(0, 9))
                .containsExactly(
                        "(50000, 10000)",
                        "images.shape: torch.Size([128, 1, 28, 28])",
                        "torch.Size([32, 784])",
                        "torch.Size([32])",
                        "torch.Size([10, 32])",
                        "torch.Size([10])",
                        "device(type='cpu')",
                        "torch.Size([128, 1, 28, 28])",
                        "cpu");
        assertThat(run.out().get(9))
                .isEqualTo("[{'val_loss': " + trace.before().valLoss() + ", 'val_acc': "
                        + trace.before().valAcc() + "}]");
    }

    @Test
    void theTenLinesArePythons() {
        List<String> expected = trace.epochs().stream().map(Trace.Epoch::line).toList();
        assertThat(run.out().subList(LINES_BEFORE, LINES_BEFORE + expected.size()))
                .isEqualTo(expected);
    }

    @Test
    void endsWithTheFinalAccuracy() {
        assertThat(run.out()).hasSize(LINES_BEFORE + trace.epochs().size() + 1);
        String lastLine = trace.epochs().get(trace.epochs().size() - 1).line();
        assertThat(lastLine).endsWith(run.out().get(run.out().size() - 1));
    }

    @Test
    void historyHoldsEveryDigit() throws IOException {
        JsonNode history =
                JsonMapper.builder().build().readTree(Files.readString(folder.resolve("mnist-run/history.json")));
        assertThat(history.size()).isEqualTo(11);
        assertThat(history.get(0).get("val_loss").asDouble())
                .isEqualTo(trace.before().valLoss());
        for (int i = 0; i < 10; i++) {
            Trace.Epoch epoch = trace.epochs().get(i);
            assertThat(history.get(i + 1).get("val_acc").asDouble()).isEqualTo(epoch.valAcc());
            assertThat(history.get(i + 1).get("val_loss").asDouble()).isCloseTo(epoch.valLoss(), within(1e-6));
        }
    }

    @Test
    void theGridIsSixteenWide() throws IOException {
        BufferedImage grid = ImageIO.read(folder.resolve("mnist-run/batch.png").toFile());
        // torchvision: 16 pictures of 28 + 2 pixels, and 2 more at the end; 8 rows of them
        assertThat(grid.getWidth()).isEqualTo(482);
        assertThat(grid.getHeight()).isEqualTo(242);
    }

    @Test
    void writesTheseFilesAndNoOther() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("mnist-run"))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "batch.png",
                            "loss.png",
                            "accuracy.png",
                            "history.json",
                            "model.pt",
                            "model.safetensors",
                            "checkpoint.pt",
                            "checkpoint.previous.pt",
                            "confusion.png",
                            "mistakes.png",
                            "hidden.png",
                            "report.html");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.pt", "model.safetensors", "checkpoint.pt"})
    void savedWeightsEvaluateToTheLastResult(String name) throws IOException {
        Program.Result evaluation = Program.run(folder, "evaluate", "--model", "mnist-run/" + name);
        JsonNode history =
                JsonMapper.builder().build().readTree(Files.readString(folder.resolve("mnist-run/history.json")));
        JsonNode last = history.get(10);
        assertThat(evaluation.out())
                .containsExactly("{'val_loss': " + last.get("val_loss").asDouble() + ", 'val_acc': "
                        + last.get("val_acc").asDouble() + "}");
        assertThat(evaluation.exitCode()).isZero();
    }

    @Test
    void savedWeightsKnowDigitsThatTheyHaveNotSeen() {
        Program.Result evaluation =
                Program.run(folder, "evaluate", "--model", "mnist-run/model.safetensors", "--split", "test");
        assertThat(evaluation.exitCode()).isZero();
        assertThat(evaluation.out()).singleElement().asString().startsWith("{'val_loss': ");
        String accuracy = evaluation.out().get(0).replaceAll(".*'val_acc': |}", "");
        assertThat(Double.parseDouble(accuracy)).isBetween(0.95, 0.99);
    }

    @Test
    void workersThreadsAndLanguageChangeNoDigit(@TempDir Path other) {
        Program.Result otherRun = Program.run(
                other,
                Map.of("JAVA_TOOL_OPTIONS", "-Duser.language=de -Duser.country=DE"),
                "train",
                "--num-workers=0",
                "--threads=2",
                "--schedule=2@0.5");
        assertThat(otherRun.exitCode()).isZero();
        assertThat(otherRun.out().subList(0, LINES_BEFORE + 2))
                .isEqualTo(run.out().subList(0, LINES_BEFORE + 2));
    }

    @Test
    void stopsWhereTheLossIsNoNumber(@TempDir Path empty) throws IOException {
        Program.Result diverged = Program.run(empty, "train", "--schedule=1@0.1,3@1e30");
        assertThat(diverged.exitCode()).isEqualTo(1);
        assertThat(diverged.out()).hasSize(LINES_BEFORE + 1);
        assertThat(diverged.err())
                .last()
                .satisfies(line -> assertThat(line)
                        .matches("mnist-libtorch: loss is (nan|inf) at step \\d of Epoch \\[0], learning rate 1e\\+30; "
                                + "try a lower one, or go on all the same with --allow-nan"));
        try (Stream<Path> files = Files.list(empty.resolve("mnist-run"))) {
            assertThat(files)
                    .map(file -> file.getFileName().toString())
                    .containsExactlyInAnyOrder("batch.png", "checkpoint.pt", "checkpoint.previous.pt");
        }
    }

    @Test
    void goesOnWithNaNIfToldTo(@TempDir Path empty) throws IOException {
        Program.Result diverged = Program.run(empty, "train", "--schedule=2@1e30", "--allow-nan");
        assertThat(diverged.exitCode()).as(String.join("\n", diverged.err())).isZero();
        assertThat(diverged.out()).contains("Epoch [1], val_loss: nan, val_acc: " + lastAccuracy(diverged));
        for (String file : TrainingRun.FILES) {
            assertThat(empty.resolve("mnist-run").resolve(file)).isNotEmptyFile();
        }
    }

    private static String lastAccuracy(Program.Result run) {
        return run.out().get(run.out().size() - 1).replace("val_acc: ", "");
    }

    @Test
    void dryRunTakesEveryStepAndWritesNothing(@TempDir Path empty) throws IOException {
        Program.Result dryRun = Program.run(empty, "train", "--dry-run");
        assertThat(dryRun.exitCode()).isZero();
        assertThat(dryRun.out()).hasSize(LINES_BEFORE + 2 + 1).startsWith("(384, 256)");
        assertThat(dryRun.out().get(LINES_BEFORE)).startsWith("Epoch [0], val_loss: ");
        try (Stream<Path> files = Files.list(empty)) {
            assertThat(files).isEmpty();
        }
    }

    /** From the cache, without the network; and one sentence where there is neither. */
    @Test
    void aSetIsFetchedByItsName() throws IOException {
        Path cached = folder.resolve("cache/mnist-libtorch/kmnist");
        MnistFiles.unpack(cached, 12_000, 2_000);
        Files.move(cached.resolve("MNIST"), cached.resolve("KMNIST")); // as torchvision lays it out
        List<String> command = Program.command(
                List.of("-Dhttp.proxyHost=127.0.0.1", "-Dhttp.proxyPort=9"),
                "train",
                "--out=fetched",
                "--data=kmnist",
                "--val-size=2000",
                "--schedule=1@0.5");
        Map<String, String> environment =
                Map.of("XDG_CACHE_HOME", folder.resolve("cache").toString());
        Program.Result run = Program.run(folder, environment, command);
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out()).startsWith("(10000, 2000)");

        command = new ArrayList<>(command);
        command.set(command.indexOf("--data=kmnist"), "--data=fashion-mnist");
        Program.Result refused = Program.run(folder, environment, command);
        refused.assertRefused(
                "train-images-idx3-ubyte.gz could not be downloaded (http://fashion-mnist.s3-website.eu-central-1.",
                "check the connection, or put the file into " + folder.resolve("cache/mnist-libtorch/fashion-mnist"));
    }
}
