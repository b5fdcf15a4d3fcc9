package io.github.mnistlibtorch.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.json.JsonMapper;

class TimingsOptionTest {
    @TempDir
    private Path folder;

    private final StringWriter err = new StringWriter();

    @Test
    void sayHowOftenAndHowLong() throws IOException {
        Path file = folder.resolve("timings.json");
        assertThat(train(file)).as(err.toString()).isZero();
        Map<?, ?> timings = JsonMapper.builder().build().readValue(Files.readAllBytes(file), Map.class);
        assertThat(timings.get("epochs")).isEqualTo(2);
        assertThat(timings.get("evaluations")).isEqualTo(3);
        assertThat(timings.get("checkpoints")).isEqualTo(3);
        for (String name : new String[] {"training_seconds", "evaluation_seconds", "checkpoint_seconds"}) {
            assertThat(timings.get(name))
                    .as(name)
                    .isInstanceOfSatisfying(
                            Double.class, seconds -> assertThat(seconds).isPositive());
        }
        assertThat(timings).hasSize(6);
    }

    @ParameterizedTest
    @CsvSource({"run/model.pt, writes its results", "run, writes its results", "'', is not a file"})
    void fileThatTheRunNeedsOrThatIsNoneIsRefusedBeforeTheRun(String name, String reason) throws IOException {
        Files.createDirectories(folder.resolve("run"));
        assertThat(train(folder.resolve(name))).isEqualTo(2);
        assertThat(err.toString()).contains("--timings").hasLineCount(1);
        assertThat(err.toString()).containsAnyOf(reason, "is not a file");
        assertThat(folder.resolve("run")).isEmptyDirectory();
    }

    private int train(Path timings) {
        CommandLine program = CommandLineInterface.commandLine();
        program.setErr(new PrintWriter(err, /* autoFlush= */ true));
        return program.execute(
                "train",
                "--schedule=1@0.5,1@0.1",
                "--val-size=59000",
                "--num-workers=0",
                "--quiet",
                "--out=" + folder.resolve("run"),
                "--timings=" + timings);
    }
}
