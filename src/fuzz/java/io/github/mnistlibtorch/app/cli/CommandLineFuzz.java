package io.github.mnistlibtorch.app.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.mnistlibtorch.fuzz.Scratch;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The command line, an argument on each line of the input. Nothing is run. */
public final class CommandLineFuzz {
    private static final CommandLine COMMAND = CommandLineInterface.commandLine();

    private CommandLineFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        Scratch.inASecond(() -> parse(new String(data, UTF_8).split("\n", -1)));
    }

    private static void parse(String... arguments) {
        try {
            COMMAND.parseArgs(arguments);
        } catch (ParameterException e) {
            return; // wrong usage, which is answered with a sentence
        }
    }
}
