package io.github.mnistlibtorch.app.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunConfigs;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Pythons that are shell scripts; {@code CompareIT} has a real one. */
@DisabledOnOs(OS.WINDOWS)
class PythonArticleTest {
    private static final RunConfig CONFIG = RunConfigs.mlp(
            7, List.of(64, 32), 128, 9_000, 2, "float64", "adam", List.of(new Phase(2, 1e-3), new Phase(1, 0.5)));

    @TempDir
    private Path folder;

    @Test
    void isToldWhatToTrainAndHasTheDataBesideIt() throws IOException {
        String python = python("echo \"$@\"; cat $(dirname $4)/MNIST/raw/train-labels-idx1-ubyte | wc -c");
        try (PythonArticle article = PythonArticle.start(python, CONFIG, 3)) {
            assertThat(article.nextLine())
                    .contains("-u -W ignore", "run_beside_java.py")
                    .contains(
                            "--seed 7", "--dtype float64", "--hidden-size 64,32", "--batch-size 128", "--val-size 9000")
                    .contains("--num-workers 2", "--threads 3", "--optimizer adam", "--schedule 2@0.001,1@0.5");
            assertThat(article.nextLine()).isEqualTo("60008"); // 8 bytes of header, and a label for each
            assertThat(article.nextLine()).isNull();
        }
    }

    @Test
    void traceIsReadWhenItHasEnded() throws IOException {
        Path recorded = Path.of("test-data/article-seed3-adam-float64.json.gz").toAbsolutePath();
        String python = python("gunzip -c " + recorded + " >$8");
        try (PythonArticle article = PythonArticle.start(python, CONFIG, 1)) {
            assertThat(article.nextLine()).isNull();
            assertThat(article.trace()).isEqualTo(TraceFile.read(recorded));
        }
    }

    @Test
    void failureIsSaidInItsLastWords() throws IOException {
        String python =
                python("echo first; echo 'Traceback' >&2; printf 'No module\\033 called torchvision' >&2; exit 1");
        try (PythonArticle article = PythonArticle.start(python, CONFIG, 1)) {
            assertThat(article.nextLine()).isEqualTo("first");
            assertThatExceptionOfType(InputException.class)
                    .isThrownBy(article::nextLine)
                    .withMessage("'" + python
                            + "' cannot run the article (No module? called torchvision); install what it" + " needs: "
                            + python + " -m pip install torch==" + LibTorch.version() + " torchvision numpy");
        }
    }

    @Tag("slow")
    @Test
    void isEndedWithAllThatItStartedAndLeavesNoFile() throws Exception {
        String python = python("sleep 60 & echo $!; dirname $4; wait");
        ProcessHandle child;
        Path temporary;
        try (PythonArticle article = PythonArticle.start(python, CONFIG, 1)) {
            child = ProcessHandle.of(Long.parseLong(String.valueOf(article.nextLine())))
                    .orElseThrow();
            temporary = Path.of(String.valueOf(article.nextLine()));
            assertThat(temporary).isNotEmptyDirectory();
        }
        child.onExit().get(20, TimeUnit.SECONDS); // a minute would pass before it ends by itself
        assertThat(temporary).doesNotExist();
    }

    @Test
    void pythonThatIsNotThereLeavesNoFile() {
        assertThatExceptionOfType(InputException.class)
                .isThrownBy(() -> PythonArticle.start(folder.resolve("none").toString(), CONFIG, 1))
                .withMessageContaining("cannot be started");
    }

    private String python(String script) throws IOException {
        Path file = Files.write(folder.resolve("python"), List.of("#!/bin/sh", script));
        assertThat(file.toFile().setExecutable(true)).isTrue();
        return file.toString();
    }
}
