package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

        assertThat(browser.errors()).isEmpty();
        assertThat(browser.requests()).allMatch(url -> url.equals(report) || url.startsWith("data:image/png;base64,"));
        assertThat(browser.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
                        .asBoolean())
                .as("every picture is shown")
                .isTrue();
        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                .as("nothing sticks out")
                .isLessThanOrEqualTo(width);
        assertThat(browser.evaluate("getComputedStyle(document.body).backgroundColor")
                        .asString())
                .isEqualTo(scheme.equals("dark") ? "rgb(13, 17, 23)" : "rgb(255, 255, 255)");
        assertThat(browser.evaluate("document.body.innerText").asString())
                .contains("held-out pictures are recognized", "--schedule 1@0.5");
        assertThat(browser.barriers()).isEmpty();
    }
}
