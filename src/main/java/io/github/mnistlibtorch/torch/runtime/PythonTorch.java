package io.github.mnistlibtorch.torch.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Asks a Python where its torch is, without importing it: that would take seconds, and load it there. */
final class PythonTorch {
    /**
     * Prints where the package is, in a line of its own. Python puts the current folder before all others, where a folder
     * called torch would do.
     */
    private static final String SCRIPT = "import sys; sys.path[:] = [p for p in sys.path if p]; import importlib.util;"
            + " s = importlib.util.find_spec('torch');"
            + " print('\\ntorch=' + (s.origin or '' if s else '')); sys.stdout.flush()";

    private static final String ANSWER = "torch=";

    /** A Python on a network drive may take a while; one that waits for something never answers. */
    static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final int MAX_BYTES = 1 << 16;

    private PythonTorch() {}

    static String defaultPython() {
        boolean windows =
                System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows");
        return windows ? "python" : "python3";
    }

    /**
     * The folder of the package {@code torch} of a Python: {@code os.path.dirname(torch.__file__)}.
     *
     * @param source that names a Python: a path, or a name that is looked for on the path
     * @param patience how long it may take to answer
     * @throws UnusableLibTorchException if there is no such Python, if it has no torch, or does not answer
     */
    static Path folderOf(LibTorchSource source, Duration patience) {
        String python = requireNonNull(source.python());
        String quoted = "'" + escaped(python) + "'";
        Process process;
        try {
            ProcessBuilder builder =
                    new ProcessBuilder(List.of(python, "-c", SCRIPT)).redirectError(ProcessBuilder.Redirect.DISCARD);
            builder.environment().put("PYTHONIOENCODING", "utf-8");
            process = builder.start();
        } catch (IOException e) {
            throw source.unusable("there is no Python " + quoted + " that can be started");
        }
        try {
            process.getOutputStream().close(); // one that asks something gets no answer
            if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                throw source.unusable(
                        quoted + " does not say within " + patience.toSeconds() + " s where its torch is");
            }
            String answer = answer(process.getInputStream());
            if (process.exitValue() != 0) {
                throw source.unusable(quoted + " does not work (exit code " + process.exitValue() + ")");
            }
            if (answer.isEmpty()) {
                throw source.unusable(quoted + " has no torch; install it with " + escaped(python)
                        + " -m pip install torch==" + LibTorch.version());
            }
            return Path.of(answer).toAbsolutePath().resolveSibling("");
        } catch (IOException | IllegalArgumentException e) {
            throw source.unusable(quoted + " does not say where its torch is");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UnusableLibTorchException(source.asked() + ": interrupted while " + quoted + " was asked");
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    /** What has arrived, and no more: a process that it has started may hold the pipe open. */
    private static String answer(InputStream out) throws IOException {
        byte[] bytes = out.readNBytes(Math.min(out.available(), MAX_BYTES));
        return new String(bytes, UTF_8)
                .lines()
                .filter(line -> line.startsWith(ANSWER))
                .reduce("", (first, last) -> last.substring(ANSWER.length()));
    }

    private static String escaped(String text) {
        return text.replaceAll("\\p{Cntrl}", "?");
    }
}
