package io.github.mnistlibtorch.app.parity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.GracefulShutdown.InterruptedRunException;
import io.github.mnistlibtorch.app.run.OutputPaths;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Resources;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** The article in real Python, in a process of its own; its scripts and the data come with this program. */
public final class PythonArticle implements AutoCloseable {
    private static final List<String> SCRIPTS = List.of("article.py", "record_trace.py", "run_beside_java.py");

    /** What a Python ends with that Ctrl-C has interrupted: it reaches both. */
    private static final int INTERRUPTED = 130;

    private static final List<String> DATA = List.of(
            "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");

    private static final String TRACE = "trace.json";
    private static final String ERRORS = "errors";
    private static final String NOTHING = "nothing";

    private final String python;

    /** Whatever ends this program ends the other and removes its files. */
    private final Thread cleaner = new Thread(this::end, "end Python");

    private volatile boolean ending;
    private volatile @Nullable Path folder;
    private volatile @Nullable Process process;
    private @Nullable BufferedReader lines;

    private PythonArticle(String python) {
        this.python = python;
        try {
            Runtime.getRuntime().addShutdownHook(cleaner);
        } catch (IllegalStateException e) {
            throw new InterruptedRunException();
        }
    }

    /**
     * Begins to run it.
     *
     * @param python a path, or a name that is looked for on the path
     * @throws InputException if it cannot be started, or the folder for temporary files cannot be written to
     * @throws InterruptedRunException if this program is being ended
     */
    public static PythonArticle start(String python, RunConfig config, int threads) throws InputException {
        PythonArticle article = new PythonArticle(python);
        return Resources.closeOnFailure(article::close, () -> {
            article.begin(config, threads);
            return article;
        });
    }

    private void begin(RunConfig config, int threads) throws InputException {
        makeFolder();
        unpack();
        String script = folder().resolve("run_beside_java.py").toString();
        List<String> command = new ArrayList<>(List.of(python, "-u", "-W", "ignore", script));
        command.addAll(List.of("--data", folder().toString()));
        command.addAll(List.of("--out", folder().resolve(TRACE).toString()));
        config.options().forEach((name, value) -> command.addAll(List.of("--" + name, value)));
        command.addAll(List.of("--num-workers", Integer.toString(config.numWorkers())));
        command.addAll(List.of("--threads", Integer.toString(threads)));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectInput(folder().resolve(NOTHING).toFile())
                .redirectError(folder().resolve(ERRORS).toFile());
        builder.environment().remove("PYTHONSAFEPATH"); // the scripts import each other
        lines = begin(builder).inputReader(UTF_8);
    }

    private void makeFolder() throws InputException {
        try {
            synchronized (cleaner) {
                requireNotEnding();
                folder = Files.createTempDirectory("mnist-libtorch");
            }
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private Path folder() {
        return requireNonNull(folder);
    }

    private Process begin(ProcessBuilder builder) throws InputException {
        try {
            synchronized (cleaner) {
                requireNotEnding();
                Process begun = builder.start();
                process = begun;
                return begun;
            }
        } catch (IOException e) {
            throw new InputException(
                    "'" + builder.command().get(0) + "' cannot be started; name another Python with LIBTORCH_PYTHON",
                    e);
        }
    }

    /** Under a lock for each file: what ends this program removes them all, and none comes after that. */
    private void requireNotEnding() {
        if (ending) {
            throw new InterruptedRunException();
        }
    }

    private static InputException unwritable(IOException e) {
        return new InputException(
                "cannot write to the folder for temporary files " + System.getProperty("java.io.tmpdir") + " ("
                        + OutputPaths.reason(e) + "); name another with java -Djava.io.tmpdir=DIR",
                e);
    }

    private void unpack() throws InputException {
        try {
            for (String script : SCRIPTS) {
                copy("/io/github/mnistlibtorch/python/" + script, folder().resolve(script));
            }
            for (String file : DATA) {
                copy("/mnist/" + file + ".gz", folder().resolve("MNIST/raw").resolve(file));
            }
            Files.createFile(folder().resolve(NOTHING));
        } catch (IOException e) {
            requireNotEnding();
            throw unwritable(e);
        }
    }

    private void copy(String resource, Path file) throws IOException {
        synchronized (cleaner) {
            requireNotEnding();
            Files.createDirectories(file.resolveSibling(""));
            try (InputStream in = requireNonNull(PythonArticle.class.getResourceAsStream(resource));
                    InputStream content = resource.endsWith(".gz") ? new GZIPInputStream(in) : in) {
                Files.copy(content, file);
            }
        }
    }

    /**
     * The next line that it prints; waits for it.
     *
     * @return {@code null} when it has ended well
     * @throws InputException if it has ended otherwise
     * @throws InterruptedRunException if it has been interrupted, or this program is being ended
     */
    public @Nullable String nextLine() throws IOException {
        String line = requireNonNull(lines).readLine();
        if (line == null) {
            int exitCode = exitCode();
            if (ending || exitCode == INTERRUPTED) {
                throw new InterruptedRunException();
            }
            if (exitCode != 0) {
                throw new InputException("'" + python + "' cannot run the article (" + lastError()
                        + "); install what it needs: " + python + " -m pip install torch==" + LibTorch.version()
                        + " torchvision numpy");
            }
        }
        return line;
    }

    private int exitCode() {
        try {
            return requireNonNull(process).waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private String lastError() throws IOException {
        String all = new String(Files.readAllBytes(folder().resolve(ERRORS)), UTF_8);
        return all.strip()
                .lines()
                .reduce("it says nothing", (first, last) -> last)
                .replaceAll("\\p{Cntrl}", "?");
    }

    /** What it has recorded, once it has ended. */
    public Trace trace() throws IOException {
        return TraceFile.read(folder().resolve(TRACE));
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(cleaner);
        } catch (IllegalStateException e) {
            return; // this program is being ended, and the hook does it
        }
        end();
    }

    private void end() {
        ending = true;
        try {
            synchronized (cleaner) {
                Process begun = process;
                if (begun != null) {
                    begun.descendants().forEach(ProcessHandle::destroyForcibly);
                    begun.destroyForcibly().waitFor();
                }
                if (folder != null) {
                    delete(folder());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
