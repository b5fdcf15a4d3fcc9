package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The report of a run in a real browser, where there is one: Chromium, without a screen. */
class ReportIT {
    @TempDir
    private static Path folder;

    private static Path browser;

    @BeforeAll
    static void train() {
        browser = Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(path -> Stream.of(Path.of(path, "chromium"), Path.of(path, "chromium-browser")))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(Path.of(""));
        assumeTrue(Files.isExecutable(browser), "there is no Chromium");
        assertThat(Program.run(folder, "train", "--schedule", "1@0.5").exitCode())
                .isZero();
    }

    /** The page forbids the browser to load anything; what it would have loaded is then an error on the console. */
    @ParameterizedTest
    @CsvSource({"400, light", "400, dark", "1600, light", "1600, dark"})
    void opensWithoutAnErrorAndLoadsNothing(int width, String scheme) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                browser.toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--enable-logging=stderr",
                "--user-data-dir=" + folder.resolve("profile"),
                "--blink-settings=preferredColorScheme=" + (scheme.equals("dark") ? 0 : 1),
                "--window-size=" + width + ",1000",
                "--dump-dom",
                folder.resolve("mnist-run/report.html").toUri().toString()));
        Path out = folder.resolve("dom");
        Path err = folder.resolve("log");
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();

        assertThat(lines(err)).noneMatch(line -> line.contains("CONSOLE"));
        assertThat(lines(out))
                .anyMatch(line -> line.contains("held-out pictures are recognized"))
                .anyMatch(line -> line.contains("--schedule 1@0.5"));
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readAllLines(file);
    }
}
