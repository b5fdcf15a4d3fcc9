package io.github.mnistlibtorch.cli;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Sends what the article prints elsewhere, until it is closed. */
final class StandardOutput implements AutoCloseable {
    private final PrintStream console = System.out;

    private StandardOutput(PrintStream to) {
        System.setOut(to);
    }

    static StandardOutput to(PrintStream other) {
        return new StandardOutput(other);
    }

    static StandardOutput toNothing() {
        return new StandardOutput(
                new PrintStream(OutputStream.nullOutputStream(), /* autoFlush= */ false, StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        System.setOut(console);
    }
}
