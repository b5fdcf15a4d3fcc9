package io.github.mnistlibtorch;

import io.github.mnistlibtorch.app.cli.CommandLineInterface;

/** {@code java -jar mnist-libtorch.jar}. */
public final class Main {
    private Main() {}

    /** Runs the command and ends the process with its exit code: 0 done, 1 failed, 2 wrong usage or bad input. */
    public static void main(String[] arguments) {
        // Pictures go to files. Without this, a DISPLAY that nobody answers would fail the run at its end.
        System.setProperty("java.awt.headless", "true");
        System.exit(CommandLineInterface.run(arguments));
    }
}
