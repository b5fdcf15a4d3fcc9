package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** The article in real Python and in the packaged jar, side by side. */
@Tag("parity")
@EnabledIfEnvironmentVariable(
        named = "PYTHON_WITH_TORCH",
        matches = ".+",
        disabledReason = "PYTHON_WITH_TORCH names no Python with torch")
class CompareIT {
    private static final String PYTHON = System.getenv().getOrDefault("PYTHON_WITH_TORCH", "");
    private static final Map<String, String> WITH_PYTHON = Map.of("LIBTORCH_PYTHON", PYTHON);

    @TempDir
    private Path folder;

    @Test
    void twoColumnsAndWhetherAllIsEqual() throws IOException {
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Program.Result compare = Program.run(
                folder,
                WITH_PYTHON,
                Program.command(
                        List.of("-Djava.io.tmpdir=" + temporary), "compare", "--schedule=1@0.5,1@0.1", "--seed=5"));
        assertThat(compare.exitCode()).as(String.join("\n", compare.err())).isZero();
        assertThat(compare.out().stream().filter(line -> line.endsWith("  equal")))
                .hasSize(3)
                .allMatch(line -> line.matches("(before training|Epoch \\[0\\]    )  .*"));
        assertThat(compare.out()).endsWith("Python and Java: equal, bit for bit.");
        assertThat(temporary).isEmptyDirectory();
    }

    @Test
    void pythonThatCannotRunTheArticleIsSaidInOneSentence() throws IOException {
        Path python = Files.writeString(
                folder.resolve("python"),
                "#!/bin/sh\ncase $1 in -c) exec " + PYTHON
                        + " \"$@\";; esac\necho \"ModuleNotFoundError: No module named 'torchvision'\" >&2\nexit 1\n");
        assertThat(python.toFile().setExecutable(true)).isTrue();
        Program.Result compare = Program.run(
                folder, Map.of("LIBTORCH_PYTHON", python.toString()), "compare", "--schedule=1@0.5", "--quiet");
        assertThat(compare.exitCode()).isEqualTo(2);
        assertThat(compare.err())
                .last()
                .asString()
                .contains("cannot run the article", "No module named 'torchvision'", "-m pip install torch==2.");
    }

    @Test
    void anotherLibraryThanPythonsIsRefused() {
        Program.run(folder, WITH_PYTHON, "compare", "--libtorch=bundled").assertRefused("leave --libtorch out");
    }

    @Test
    void whatEndsItEndsPythonToo() throws Exception {
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        ProcessBuilder builder = Program.builder(
                        Program.command(List.of("-Djava.io.tmpdir=" + temporary), "compare", "--schedule=9@0.5"))
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out").toFile());
        builder.environment().putAll(new TreeMap<>(WITH_PYTHON));
        Process process = builder.start();
        List<ProcessHandle> pythons = List.of();
        for (int i = 0; i < 600 && pythons.isEmpty(); i++) {
            TimeUnit.MILLISECONDS.sleep(100);
            try (Stream<Path> files = Files.walk(temporary)) {
                if (files.anyMatch(file -> file.endsWith("errors"))) {
                    pythons = process.descendants().toList();
                }
            }
        }
        assertThat(pythons).isNotEmpty();
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        for (ProcessHandle python : pythons) {
            python.onExit().get(60, TimeUnit.SECONDS);
        }
        assertThat(temporary).isEmptyDirectory();
    }

    /** While its scripts and the data are unpacked, before Python has begun. */
    @Test
    void whatEndsItWhileItUnpacksLeavesNothing() throws Exception {
        for (int run = 0; run < 5; run++) {
            Path temporary = Files.createDirectory(folder.resolve("tmp" + run));
            ProcessBuilder builder = Program.builder(
                            Program.command(List.of("-Djava.io.tmpdir=" + temporary), "compare", "--quiet"))
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("out" + run).toFile());
            builder.environment().putAll(WITH_PYTHON);
            Process process = builder.start();
            for (int i = 0; i < 6000 && isEmpty(temporary); i++) {
                TimeUnit.MILLISECONDS.sleep(5);
            }
            TimeUnit.MILLISECONDS.sleep(60L * run);
            process.destroy();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(temporary).isEmptyDirectory();
            assertThat(Files.readString(folder.resolve("out" + run))).doesNotContain("Exception");
        }
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.findAny().isEmpty();
        }
    }
}
