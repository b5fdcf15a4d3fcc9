package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The report of a run in a real browser, where there is one. */
class ReportIT {
    @TempDir
    private static Path folder;

    private static Browser browser;
    private static String report;

    @BeforeAll
    static void train() throws Exception {
        browser = new Browser(folder);
        Program.Result train = Program.run(folder, "train", "--schedule", "1@0.5");
        assertThat(train.exitCode()).isZero();
        report = folder.resolve("mnist-run/report.html").toUri().toString();
    }

    @AfterAll
    static void close() throws InterruptedException {
        if (browser != null) {
            browser.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"400, light", "400, dark", "1600, light", "1600, dark"})
    void opensWithoutAnErrorAndLoadsNothing(int width, String scheme) throws Exception {
        browser.open(report, width, scheme.equals("dark"));

        browser.evaluate("drawn");
        assertThat(browser.errors()).isEmpty();
        assertThat(browser.requests()).allMatch(url -> url.equals(report) || url.startsWith("data:image/png;base64,"));
        assertThat(browser.evaluate(
                                "[...document.querySelectorAll('canvas')].filter(canvas =>"
                                        + " canvas.getContext('2d').getImageData(0, 0, 28, 28).data.some(value => value > 0)).length")
                        .asInt())
                .as("mistakes, hidden units and samples are drawn")
                .isEqualTo(24 + 32 + 24);
        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                .as("nothing sticks out")
                .isLessThanOrEqualTo(width);
        assertThat(browser.evaluate("getComputedStyle(document.body).backgroundColor")
                        .asString())
                .isEqualTo(scheme.equals("dark") ? "rgb(13, 17, 23)" : "rgb(255, 255, 255)");
        assertThat(browser.evaluate("document.body.innerText").asString())
                .contains("held-out digits are recognized", "--schedule 1@0.5");
        assertThat(browser.barriers()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"390, dark", "1280, light"})
    void aMistakeAndACellAreOpened(int width, String scheme) throws Exception {
        browser.open(report, width, scheme.equals("dark"));
        browser.evaluate("drawn");
        browser.evaluate("document.querySelector('#mistake-tiles button').click()");
        assertThat(browser.evaluate("document.getElementById('opened').open").asBoolean())
                .isTrue();
        assertThat(browser.evaluate("document.getElementById('opened-title').innerText")
                        .asString())
                .matches("\\d, read as \\d");
        assertThat(browser.evaluate("document.querySelectorAll('#opened .shares li').length")
                        .asInt())
                .isEqualTo(10);
        assertThat(browser.evaluate("document.querySelector('#opened .units').innerText")
                        .asString())
                .matches("(?s)unit \\d+ adds \\+\\d+\\.\\d\\d to \\d, and [+−].*activation .* × weight \\+.*");
        assertThat(browser.evaluate("document.querySelectorAll('#opened .units canvas').length")
                        .asInt())
                .as("beside their weights")
                .isEqualTo(browser.evaluate("document.querySelectorAll('#opened .units li').length")
                        .asInt());
        assertThat(browser.barriers()).isEmpty();
        browser.press("ArrowRight");
        assertThat(browser.evaluate("document.getElementById('place').innerText")
                        .asString())
                .startsWith("2 of ");
        browser.press("Escape");
        assertThat(browser.evaluate("document.getElementById('opened').open").asBoolean())
                .isFalse();

        // By keyboard: from the first cell to the one at its right.
        browser.evaluate("document.querySelector('.matrix button').focus()");
        browser.press("ArrowRight");
        String cell = browser.evaluate("document.activeElement.getAttribute('aria-label')")
                .asString();
        browser.press("Enter");
        assertThat(browser.evaluate("document.getElementById('opened-title').innerText")
                        .asString())
                .isEqualTo(cell)
                .matches("0, read as [1-9]: \\d+");
        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                .isLessThanOrEqualTo(width);
        assertThat(browser.errors()).isEmpty();
    }

    /** The axis says what it shows, and each value is that of {@code history.json}. */
    @Test
    void theAxisIsSwitchedAndTheKeysReadTheValues() throws Exception {
        browser.open(report, 1280, false);
        browser.evaluate("drawn");
        String before = browser.evaluate("document.querySelector('#losses svg').innerHTML")
                .asString();
        browser.evaluate("document.querySelector('#switches input[name=log]:not(:checked)').click()");
        assertThat(browser.evaluate("document.querySelector('#losses svg').innerHTML")
                        .asString())
                .isNotEqualTo(before);
        JsonNode history =
                JsonMapper.builder().build().readTree(Files.readString(folder.resolve("mnist-run/history.json")));
        browser.evaluate("document.querySelector('#losses svg').focus()");
        for (int epoch = 1; epoch >= 0; epoch--) {
            assertThat(browser.evaluate("document.querySelector('#losses svg').getAttribute('aria-valuetext')")
                            .asString())
                    .contains(
                            epoch == 0 ? "before training" : "epoch 1, learning rate 0.5, training 0.",
                            "validation "
                                    + PythonRepr.fixed(
                                            history.get(epoch).get("val_loss").asDouble(), 4));
            assertThat(browser.evaluate("document.querySelector('#accuracies .readout').innerText")
                            .asString())
                    .contains("validation "
                            + PythonRepr.fixed(history.get(epoch).get("val_acc").asDouble(), 4));
            browser.press("ArrowLeft");
        }
        assertThat(browser.evaluate("numbers(data.valLoss)").values().stream().map(JsonNode::asDouble))
                .containsExactlyElementsOf(history.values().stream()
                        .map(result -> result.get("val_loss").asDouble())
                        .toList());
        assertThat(browser.barriers()).isEmpty();
    }

    /** Python's {@code f"{x:.4f}"} of numbers just between two others, as Python prints them, and of what is no number. */
    @ParameterizedTest
    @CsvSource({"0.90625, 0.9062", "0.96875, 0.9688", "0.1175, 0.1175", "NaN, nan", "Infinity, inf", "2, 2.0000"})
    void numbersAreWrittenAsPythonWritesThem(String number, String written) throws Exception {
        browser.open(report, 1280, false);
        assertThat(browser.evaluate("fixed(" + number + ")").asString()).isEqualTo(written);
    }
}
