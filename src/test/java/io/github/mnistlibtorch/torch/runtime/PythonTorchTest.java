package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pythons of all kinds, as shell scripts; {@code ExternalLibTorchIT} asks a real one. */
@DisabledOnOs(OS.WINDOWS)
class PythonTorchTest {
    @TempDir
    private Path folder;

    @Test
    void folderIsThatOfThePackage() throws IOException {
        assertThat(ask("echo; echo torch=/opt/site packages/torch/__init__.py"))
                .isEqualTo(Path.of("/opt/site packages/torch"));
    }

    @Test
    void whatElseIsPrintedDoesNotMatter() throws IOException {
        assertThat(ask("echo welcome; echo complaint >&2; echo torch=/opt/torch/__init__.py; echo bye"))
                .isEqualTo(Path.of("/opt/torch"));
    }

    @Tag("slow")
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "echo torch=|has no torch",
                "exit 1|does not work (exit code 1)",
                "echo torch=/opt/torch/__init__.py; kill -9 $$|does not work (exit code 137)",
                "head -c 300000 /dev/zero; exit 0|within 1 s",
                "sleep 60|within 1 s",
                "sleep 60 & sleep 60|within 1 s",
                "read answer; echo $answer|has no torch"
            })
    void whatDoesNotAnswerIsRefusedInOneSentence(String script, String reason) throws IOException {
        Path python = python(script);
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(() -> PythonTorch.folderOf(source(python.toString()), second()))
                .withMessageContainingAll("--libtorch python", python.toString(), reason, "--libtorch bundled")
                .withMessageNotContaining("\n");
    }

    @Tag("slow")
    @Test
    void pythonThatHangsIsEndedWithAllThatItStarted() throws Exception {
        Path ids = folder.resolve("ids");
        Path python = python("sleep 60 & echo $! >" + ids + "; echo $$ >>" + ids + "; wait");
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(() -> PythonTorch.folderOf(source(python.toString()), second()));
        List<String> started = Files.readAllLines(ids);
        assertThat(started).hasSize(2);
        for (String id : started) {
            Optional<ProcessHandle> process = ProcessHandle.of(Long.parseLong(id));
            if (process.isPresent()) {
                process.get().onExit().get(20, TimeUnit.SECONDS); // a minute would pass before it ends by itself
            }
        }
    }

    @Test
    void pythonThatIsNotThere() {
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(() -> PythonTorch.folderOf(source("no-such-python"), second()))
                .withMessage(
                        "--libtorch python: there is no Python 'no-such-python' that can be started; name another with"
                                + " LIBTORCH_PYTHON, or say --libtorch bundled");
    }

    private Path ask(String script) throws IOException {
        return PythonTorch.folderOf(source(python(script).toString()), Duration.ofSeconds(20));
    }

    private static LibTorchSource source(String python) {
        return LibTorchSource.of("python", Map.of("LIBTORCH_PYTHON", python));
    }

    private static Duration second() {
        return Duration.ofSeconds(1);
    }

    private Path python(String script) throws IOException {
        Path file = Files.write(folder.resolve("python"), List.of("#!/bin/sh", script));
        assertThat(file.toFile().setExecutable(true)).isTrue();
        return file;
    }
}
