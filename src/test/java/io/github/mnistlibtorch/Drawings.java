package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** How many drawings the article's network reads, as hands make them with a mouse in Chromium, on the page of {@code serve}. */
class Drawings {
    private static final Path COUNTS = Path.of("target/drawings.txt");

    @TempDir
    private Path folder;

    @Test
    void nearlyAllDrawingsAreRead() throws Exception {
        assertThat(Program.run(folder, "train").exitCode()).isZero();
        List<String> lines = new ArrayList<>();
        int right = 0;
        int rightOfUsual = 0;
        try (Server server = Server.start(folder, "serve", "--port", "0");
                Browser browser = new Browser(folder)) {
            browser.open(server.url(), 1280, false);
            browser.evaluate(
                    "new Promise(done => { const wait = () => weights ? done() : setTimeout(wait, 20); wait(); })");
            JsonNode box = browser.evaluate("(() => { const box = paper.getBoundingClientRect();"
                    + " return { x: box.left, y: box.top, scale: box.width / 280 }; })()");
            double scale = box.get("scale").asDouble();
            for (DrawnDigits.Drawing drawing : DrawnDigits.all()) {
                browser.evaluate("clear(); byId('pen').value = " + drawing.pen());
                for (double[][] stroke : drawing.strokes()) {
                    double[][] points = new double[stroke.length][];
                    for (int i = 0; i < points.length; i++) {
                        points[i] = new double[] {
                            box.get("x").asDouble() + scale * stroke[i][0],
                            box.get("y").asDouble() + scale * stroke[i][1]
                        };
                    }
                    browser.draw(points);
                }
                JsonNode answer = browser.evaluate(
                        "new Promise(done => { const wait = () => asking || changed"
                                + " ? setTimeout(wait, 5) : done([latest ? latest.label : -1, answer.textContent]); wait(); })");
                boolean isRight = answer.get(0).asInt() == drawing.digit();
                right += isRight ? 1 : 0;
                rightOfUsual += isRight && !drawing.isTiny() ? 1 : 0;
                if (!isRight) {
                    lines.add(drawing.name() + ": " + answer.get(1).asString());
                    browser.screenshot(Path.of("target/drawing-" + lines.size() + ".png"));
                }
            }
            assertThat(browser.errors()).isEmpty();
        }
        lines.add(0, right + " of 146 are read, and of the 134 that are not tiny, " + rightOfUsual);
        Files.write(COUNTS, lines);
        assertThat(DrawnDigits.all()).hasSize(146);
        assertThat(right).as(String.join("\n", lines)).isGreaterThanOrEqualTo(138);
        assertThat(rightOfUsual).as(String.join("\n", lines)).isGreaterThanOrEqualTo(133);
    }
}
