package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs the packaged jar as a user would: another process, told by the build where the jar is. */
final class Program {
    /** Variables with which the jar runs on the LibTorch of the Python that {@code PYTHON_WITH_TORCH} names. */
    static final Map<String, String> ON_PYTHONS_LIBRARY = Map.of(
            "LIBTORCH_USE_PYTORCH", "1", "LIBTORCH_PYTHON", System.getenv().getOrDefault("PYTHON_WITH_TORCH", ""));

    /** So long may a run take before a test gives it up; a guard against a hang, not a measure. */
    private static final int MINUTES = 5;

    static final Path JAR = Path.of(System.getProperty("jar")).toAbsolutePath();

    /** So many characters has an error at most. */
    private static final int LONGEST = 300;

    private Program() {}

    record Result(int exitCode, List<String> out, List<String> err) {
        /** Checks that the program has refused its input as it should. */
        void assertRefused(String... words) {
            assertSentence(2, words);
        }

        /** Checks that the program has said why it cannot do its work. */
        void assertFailed(String... words) {
            assertSentence(1, words);
        }

        private void assertSentence(int expectedCode, String... words) {
            assertThat(err).as("one sentence on standard error").hasSize(1);
            assertThat(err.get(0))
                    .contains(words)
                    .startsWith("mnist-libtorch: ")
                    .hasSizeLessThanOrEqualTo(LONGEST);
            assertThat(out).as("nothing on standard output").isEmpty();
            assertThat(exitCode).isEqualTo(expectedCode);
        }
    }

    /** Runs the jar in {@code folder}. */
    static Result run(Path folder, String... arguments) {
        return run(folder, Map.of(), arguments);
    }

    static Result run(Path folder, Map<String, String> environment, String... arguments) {
        return run(folder, environment, command(List.of(), arguments));
    }

    /** What a user would type. */
    static List<String> command(List<String> jvmOptions, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmOptions);
        command.addAll(List.of("-jar", JAR.toString()));
        command.addAll(List.of(arguments));
        return command;
    }

    /** What is tested is the same with a GPU and without, but for the tests that ask for one. */
    static ProcessBuilder builder(List<String> command) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("CUDA_VISIBLE_DEVICES", "-1");
        return builder;
    }

    static Result run(Path folder, Map<String, String> environment, List<String> command) {
        try {
            Path out = Files.createTempFile("out", ".txt");
            Path err = Files.createTempFile("err", ".txt");
            ProcessBuilder builder = builder(command)
                    .directory(folder.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new AssertionError("still running after " + MINUTES + " minutes: " + command);
            }
            Result result = new Result(process.exitValue(), lines(out), lines(err));
            Files.delete(out);
            Files.delete(err);
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readString(file, UTF_8).lines().toList();
    }
}
