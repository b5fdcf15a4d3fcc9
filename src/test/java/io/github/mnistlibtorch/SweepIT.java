package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.Program.Result;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.opentest4j.TestAbortedException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code sweep}, its output and its files; with 1,000 pictures to train on, or 2,000. */
class SweepIT {
    @TempDir
    private Path folder;

    @Test
    void eachRunIsTheOneThatTrainDoes() throws IOException {
        Result sweep = sweep("--schedule", "1@0.5", "1@0.5,1@0.1", "--hidden-size", "16", "12,8", "--seed", "7");
        assertThat(sweep.exitCode()).as(String.join("\n", sweep.err())).isZero();
        assertThat(sweep.out()).hasSize(5);
        assertThat(sweep.out().get(0)).matches("schedule 1@0\\.5, hidden-size 16: val_loss: .*, val_acc: .*");
        assertThat(folder.resolve("mnist-sweep").toFile().list())
                .containsExactlyInAnyOrder("sweep.html", "sweep.json", "sweep.png", "best.pt");

        JsonNode runs = runs();
        assertThat(runs).hasSize(4);
        double best = 0;
        for (JsonNode run : runs) {
            List<String> train = new ArrayList<>();
            run.get("options").properties().forEach(option -> {
                train.add("--" + option.getKey());
                train.add(option.getValue().asString());
            });
            assertThat(run.get("history")).isEqualTo(historyOf(train));
            best = Math.max(best, accuracy(run.get("history")));
        }
        assertThat(sweep.out().get(4)).startsWith("Best: train --");
        List<String> command = List.of(sweep.out().get(4).split(" ")).subList(2, 16);
        assertThat(accuracy(historyOf(command))).isEqualTo(best);
        assertThat(folder.resolve("mnist-sweep/best.pt")).hasSameBinaryContentAs(folder.resolve("mnist-run/model.pt"));
        theComparisonIsShown();
    }

    private void theComparisonIsShown() {
        String page = folder.resolve("mnist-sweep/sweep.html").toUri().toString();
        try (Browser browser = new Browser(folder)) {
            for (int width : new int[] {390, 1280}) {
                for (boolean dark : new boolean[] {false, true}) {
                    browser.open(page, width, dark);
                    browser.evaluate("drawn");
                    assertThat(browser.evaluate("document.querySelectorAll('#rows svg circle:not(.faint)').length")
                                    .asInt())
                            .as("a large dot for each run")
                            .isEqualTo(4);
                    browser.evaluate("document.querySelector('#rows li:last-child button').click()");
                    JsonNode run = browser.evaluate("runs[rows.at(-1).runs[0]]");
                    double accuracy =
                            run.get("valAcc").get(run.get("valAcc").size() - 1).asDouble();
                    assertThat(browser.evaluate("document.querySelector('#accuracies .readout').innerText")
                                    .asString())
                            .contains("validation " + PythonRepr.fixed(accuracy, 4));
                    assertThat(browser.evaluate("document.documentElement.scrollWidth")
                                    .asInt())
                            .isLessThanOrEqualTo(width);
                    assertThat(browser.requests()).containsExactly(page);
                    assertThat(browser.errors()).isEmpty();
                    assertThat(browser.barriers()).isEmpty();
                }
            }
        } catch (TestAbortedException e) {
            // there is no browser, and the rest of the test holds without
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Of seeds, the mean counts; a row is worse if one of its runs failed. */
    @Test
    void theBestIsTheBestOverItsSeeds() throws IOException {
        Result sweep = sweep("--schedule", "1@0.5", "1@0.01", "--seed", "1", "2");
        assertThat(sweep.out().get(4))
                .startsWith("Best: train --schedule 1@0.5 ")
                .doesNotContain("--seed")
                .endsWith(", the mean of 2 seeds)");
    }

    @Test
    void anEarlierSweepIsKeptAndASweepOfWhichNoRunEndsFails() throws IOException {
        sweep("--schedule", "1@0.5");
        byte[] before = Files.readAllBytes(folder.resolve("mnist-sweep/sweep.json"));
        Result sweep = sweep("--schedule", "1@1e30", "--quiet");
        assertThat(sweep.exitCode()).isEqualTo(1);
        assertThat(sweep.err())
                .endsWith("mnist-libtorch: no run came to its end; try lower learning rates or smaller sizes");
        assertThat(folder.resolve("mnist-sweep/sweep.previous.json")).hasBinaryContent(before);
    }

    @Test
    void aRunThatDivergesIsSaidAndTheOthersGoOn() throws IOException {
        Result sweep = sweep("--schedule", "1@1e30", "1@0.5");
        assertThat(sweep.exitCode()).isZero();
        assertThat(sweep.out().get(0))
                .startsWith("schedule 1@1e+30: failed: loss is ")
                .contains("Epoch [0], learning rate 1e+30");
        assertThat(sweep.out().get(1)).startsWith("schedule 1@0.5: val_loss: ");
        JsonNode runs = runs();
        assertThat(runs.get(0).get("failed").asString()).startsWith("loss is ");
        assertThat(runs.get(0).get("history")).isEmpty();
        assertThat(runs.get(1).get("failed").isNull()).isTrue();
    }

    @Test
    void whatIsDoneIsThereWhenItIsInterrupted() throws Exception {
        ProcessBuilder builder = Program.builder(Program.command(
                        List.of(), "sweep", "--val-size", "58000", "--schedule", "1@0.5", "1000@0.1", "--quiet"))
                .directory(folder.toFile())
                .redirectError(folder.resolve("err").toFile());
        Process process = builder.start();
        try (BufferedReader out = process.inputReader()) {
            assertThat(out.readLine()).startsWith("schedule 1@0.5: ");
            process.destroy(); // SIGTERM
            assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue()).isEqualTo(130);
        assertThat(Files.readAllLines(folder.resolve("err")))
                .contains("mnist-libtorch: interrupted after 1 of 2 runs; these are in mnist-sweep");
        assertThat(runs()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--schedule 1@0.5 5|'5' is not EPOCHS@LR",
                "--hidden-size 8 0|'0' is not a whole number from 1",
                "--hidden-size 8,|'' is not a whole number from 1",
                "--optimizer sgd sgdd|'sgdd' is not one of",
                "--batch-size|Missing required parameter for option '--batch-size'",
                "--val-size 60000|choose a smaller --val-size",
                "--out file|file is a file, not a folder; choose another --out",
                "--seed|Missing required parameter for option '--seed'"
            })
    void badInputIsRefusedAndNothingIsWritten(String options, String words) throws IOException {
        Files.createFile(folder.resolve("file"));
        Program.run(folder, ("sweep " + options).split(" ")).assertRefused(words);
        assertThat(folder.toFile().list()).containsExactly("file");
    }

    private Result sweep(String... options) {
        List<String> arguments = new ArrayList<>(List.of("sweep", "--val-size", "59000"));
        arguments.addAll(List.of(options));
        return Program.run(folder, arguments.toArray(String[]::new));
    }

    private JsonNode runs() throws IOException {
        return json(folder.resolve("mnist-sweep/sweep.json")).get("runs");
    }

    private JsonNode historyOf(List<String> options) throws IOException {
        List<String> train = new ArrayList<>(List.of("train", "--quiet"));
        train.addAll(options);
        Result one = Program.run(folder, train.toArray(String[]::new));
        assertThat(one.exitCode()).as(String.join("\n", one.err())).isZero();
        return json(folder.resolve("mnist-run/history.json"));
    }

    private static double accuracy(JsonNode history) {
        return history.get(history.size() - 1).get("val_acc").asDouble();
    }

    private static JsonNode json(Path file) throws IOException {
        return JsonMapper.builder().build().readTree(Files.readString(file));
    }
}
