package io.github.mnistlibtorch.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code sweep} in this process, trained on 1,000 images; what needs a process of its own is in {@code SweepIT}. */
class SweepCommandTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @TempDir
    private Path folder;

    /** The numbers are those of {@code train} and {@code evaluate} with the same options. */
    @Test
    @Tag("slow")
    void theBestWeightsAreThoseOfTheRunThatIsCalledBest() throws Exception {
        Path out = folder.resolve("sweep");
        CommandLineRun sweep = run("sweep", "--seed", "1", "2", "--quiet", "--out", out.toString());
        assertThat(sweep.exitCode()).as(String.join("\n", sweep.err())).isZero();
        assertThat(out.toFile().list()).containsExactlyInAnyOrder("sweep.html", "sweep.json", "sweep.png", "best.pt");

        List<JsonNode> runs = JSON.readTree(Files.readString(out.resolve("sweep.json")))
                .get("runs")
                .valueStream()
                .toList();
        assertThat(runs).hasSize(2);
        JsonNode best = runs.stream()
                .max(Comparator.comparingDouble(run -> last(run).get("val_acc").asDouble()))
                .orElseThrow();
        String seed = best.get("options").get("seed").asString();
        assertThat(run(
                                "train",
                                "--seed",
                                seed,
                                "--quiet",
                                "--out",
                                folder.resolve("train").toString())
                        .exitCode())
                .isZero();
        assertThat(out.resolve("best.pt")).hasSameBinaryContentAs(folder.resolve("train/model.pt"));
        assertThat(best.get("history"))
                .isEqualTo(JSON.readTree(Files.readString(folder.resolve("train/history.json"))));
        assertThat(Files.readString(out.resolve("sweep.html")))
                .contains(last(best).get("val_acc").asString());
    }

    private static JsonNode last(JsonNode run) {
        JsonNode history = run.get("history");
        return history.get(history.size() - 1);
    }

    private CommandLineRun run(String... arguments) {
        List<String> few = List.of("--schedule", "1@0.5", "--val-size", "59000", "--num-workers", "0");
        return CommandLineRun.of(
                folder, Stream.concat(Stream.of(arguments), few.stream()).toArray(String[]::new));
    }
}
