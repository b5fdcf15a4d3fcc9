package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --model cnn}, from the training to the prediction. {@code LiveParityIT} has its numbers. */
class CnnIT {
    @TempDir
    private static Path folder;

    private static Program.Result trained;

    @BeforeAll
    static void train() throws IOException {
        MnistFiles.unpack(folder.resolve("data"), 12_000, 2_000);
        trained = Program.run(
                folder, "train", "--model=cnn", "--data=data", "--val-size=2000", "--schedule=1@0.1", "--out=cnn");
        assertThat(trained.exitCode()).as(String.join("\n", trained.err())).isZero();
    }

    @Test
    void writesWhatEveryRunWrites() {
        assertThat(trained.out()).contains("torch.Size([8, 1, 3, 3])", "torch.Size([10, 784])");
        for (String file : TrainingRun.FILES) {
            assertThat(folder.resolve("cnn").resolve(file)).isNotEmptyFile();
        }
        assertThat(folder.resolve("cnn/hidden.png")).isNotEmptyFile();
        assertThat(folder.resolve("cnn/report.html")).content().contains("What the filters look for", "--model cnn");
    }

    /** The held-out images of that seed and size, in the batches of the run: its last evaluation. */
    @Test
    void savedModelsAreEvaluatedAsTheRunDid() {
        String line = trained.out().get(trained.out().size() - 2); // Epoch [0], val_loss: …, val_acc: …
        for (String file : List.of("model.pt", "model.safetensors", "checkpoint.pt")) {
            Program.Result evaluated =
                    Program.run(folder, "evaluate", "--data=data", "--val-size=2000", "--model=cnn/" + file);
            assertThat(evaluated.out()).as(file).hasSize(1);
            String[] numbers = evaluated.out().get(0).replaceAll("[^0-9.,]", "").split(",", -1);
            EpochResult result = new EpochResult(Double.parseDouble(numbers[0]), Double.parseDouble(numbers[1]));
            assertThat(line).isEqualTo(result.line(0));
        }
    }

    @Test
    void readsAnImage() {
        Program.Result read = Program.run(folder, "predict", "--model=cnn/model.pt", "--json", "cnn/batch.png");
        assertThat(read.exitCode()).as(String.join("\n", read.err())).isZero();
        assertThat(String.join("", read.out())).contains("\"probabilities\"");
    }

    @Test
    void otherOptionsAreRefusedInASentence() {
        assertRefused(
                "mnist-libtorch: --hidden-size is for --model mlp; leave one of them out",
                "train",
                "--model=cnn",
                "--hidden-size=64");
        assertRefused(
                "mnist-libtorch: cnn/checkpoint.pt was trained with --model cnn; go on with the same, or begin a new run"
                        + " without --resume",
                "train",
                "--resume=cnn/checkpoint.pt",
                "--data=data",
                "--model=mlp");
        assertRefused(
                "mnist-libtorch: Invalid value for option '--model': 'rnn' is not one of [mlp, cnn] (see mnist-libtorch"
                        + " train --help)",
                "train",
                "--model=rnn");
    }

    private static void assertRefused(String sentence, String... arguments) {
        Program.Result refused = Program.run(folder, arguments);
        assertThat(refused.err()).last().isEqualTo(sentence);
        assertThat(refused.exitCode()).isEqualTo(2);
    }

    /** On a processor that NNPACK does not know, LibTorch would log so at every convolution in float64. */
    @Test
    void nothingOfLibTorchsLogReachesTheTerminal() {
        Program.Result run = Program.run(
                folder,
                "train",
                "--model=cnn",
                "--data=data",
                "--val-size=2000",
                "--dtype=float64",
                "--dry-run",
                "--quiet");
        assertThat(run.exitCode()).isZero();
        assertThat(run.err()).noneMatch(line -> line.contains("NNPACK"));
    }
}
