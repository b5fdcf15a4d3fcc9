package io.github.mnistlibtorch.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.parity.Trace;
import io.github.mnistlibtorch.parity.TraceFile;
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
final class PythonArticle implements AutoCloseable {
    private static final List<String> SCRIPTS = List.of("article.py", "record_trace.py", "run_beside_java.py");

    private static final List<String> DATA = List.of(
            "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");

    private final String python;
    private final Path folder;
    private final Process process;
    private final BufferedReader lines;

    /** Whatever ends this program ends the other and removes its files. */
    private final Thread cleaner = new Thread(this::cleanUp, "end Python");

    private PythonArticle(String python, Path folder, Process process) {
        this.python = python;
        this.folder = folder;
        this.process = process;
        this.lines = process.inputReader(UTF_8);
        Runtime.getRuntime().addShutdownHook(cleaner);
    }

    /**
     * Begins to run it.
     *
     * @param python a path, or a name that is looked for on the path
     * @throws InputException if it cannot be started
     * @throws IOException if the folder for temporary files is full
     */
    static PythonArticle start(String python, Trace.Config config, int threads) throws IOException {
        Path folder = Files.createTempDirectory("mnist-libtorch");
        boolean started = false;
        try {
            unpack(folder);
            List<String> command = new ArrayList<>(List.of(
                    python,
                    "-u",
                    "-W",
                    "ignore",
                    folder.resolve("run_beside_java.py").toString()));
            command.addAll(
                    List.of("--data", folder.toString(), "--out", trace(folder).toString()));
            command.addAll(List.of("--seed", Long.toString(config.seed()), "--dtype", config.dtype()));
            command.addAll(List.of("--hidden-size", new Converters.Hidden(config.hiddenSizes()).toString()));
            command.addAll(List.of("--batch-size", Integer.toString(config.batchSize())));
            command.addAll(List.of("--val-size", Integer.toString(config.valSize())));
            command.addAll(List.of("--num-workers", Integer.toString(config.numWorkers())));
            command.addAll(List.of("--threads", Integer.toString(threads)));
            command.addAll(List.of(
                    "--optimizer",
                    config.optimizer(),
                    "--schedule",
                    new Converters.Schedule(config.schedule()).toString()));
            Path nothing = Files.createFile(folder.resolve("nothing"));
            Process process = begin(new ProcessBuilder(command)
                    .redirectInput(nothing.toFile())
                    .redirectError(errors(folder).toFile()));
            started = true;
            return new PythonArticle(python, folder, process);
        } finally {
            if (!started) {
                delete(folder);
            }
        }
    }

    private static Process begin(ProcessBuilder builder) throws InputException {
        try {
            return builder.start();
        } catch (IOException e) {
            throw new InputException(
                    "'" + builder.command().get(0) + "' cannot be started; name another Python with LIBTORCH_PYTHON",
                    e);
        }
    }

    private static void unpack(Path folder) throws IOException {
        for (String script : SCRIPTS) {
            copy("/io/github/mnistlibtorch/python/" + script, folder.resolve(script), false);
        }
        Path raw = Files.createDirectories(folder.resolve("MNIST/raw"));
        for (String file : DATA) {
            copy("/mnist/" + file + ".gz", raw.resolve(file), true);
        }
    }

    private static void copy(String resource, Path file, boolean packed) throws IOException {
        try (InputStream in = requireNonNull(PythonArticle.class.getResourceAsStream(resource));
                InputStream content = packed ? new GZIPInputStream(in) : in) {
            Files.copy(content, file);
        }
    }

    /**
     * The next line that it prints; waits for it.
     *
     * @return {@code null} when it has ended well
     * @throws InputException if it has ended otherwise
     */
    @Nullable String nextLine() throws IOException {
        String line = lines.readLine();
        if (line == null && exitCode() != 0) {
            throw new InputException(
                    "'" + python + "' cannot run the article (" + lastError() + "); install what it needs: " + python
                            + " -m pip install torch==" + LibTorch.version() + " torchvision numpy");
        }
        return line;
    }

    private int exitCode() {
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private String lastError() throws IOException {
        String all = new String(Files.readAllBytes(errors(folder)), UTF_8);
        return all.strip()
                .lines()
                .reduce("it says nothing", (first, last) -> last)
                .replaceAll("\\p{Cntrl}", "?");
    }

    /** What it has recorded, once it has ended. */
    Trace trace() throws IOException {
        return TraceFile.read(trace(folder));
    }

    private static Path trace(Path folder) {
        return folder.resolve("trace.json");
    }

    private static Path errors(Path folder) {
        return folder.resolve("errors");
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(cleaner);
        cleanUp();
    }

    private void cleanUp() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        try {
            process.waitFor();
            delete(folder);
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
