package io.github.mnistlibtorch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The packaged jar with a page open, in a process of its own. */
final class Server implements AutoCloseable {
    private static final Pattern ADDRESS = Pattern.compile("http://127\\.0\\.0\\.1:\\d+/");
    private static final int SECONDS = 120;

    private final Process process;
    private final Path out;
    private final Path err;
    private final String url;

    private Server(Process process, Path out, Path err) throws InterruptedException {
        this.process = process;
        this.out = out;
        this.err = err;
        String[] found = new String[1];
        Browser.await("the server", () -> {
            Matcher matcher = ADDRESS.matcher(out() + err());
            found[0] = matcher.find() ? matcher.group() : null;
            return found[0] != null;
        });
        url = found[0];
    }

    /** Starts it, and waits for its address. */
    static Server start(Path folder, String... arguments) throws IOException, InterruptedException {
        Path out = Files.createTempFile(folder, "server", ".out");
        Path err = Files.createTempFile(folder, "server", ".err");
        Process process = Program.builder(Program.command(List.of(), arguments))
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        return new Server(process, out, err);
    }

    String url() {
        return url;
    }

    String out() throws IOException {
        return Files.readString(out);
    }

    String err() throws IOException {
        return Files.readString(err);
    }

    /** Sends a signal, such as INT, and waits for the end. */
    int end(String signal) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                .start()
                .waitFor();
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("still running " + SECONDS + " s after " + signal);
        }
        return process.exitValue();
    }

    @Override
    public void close() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }
}
