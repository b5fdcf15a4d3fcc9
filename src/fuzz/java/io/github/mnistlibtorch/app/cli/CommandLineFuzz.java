package io.github.mnistlibtorch.app.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.mnistlibtorch.fuzz.Budget;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The command line, an argument on each line of the input. Nothing is run. */
public final class CommandLineFuzz {
    private static final int LONGEST_SENTENCE = 300;

    private static final CommandLine COMMAND = CommandLineInterface.commandLine();

    private CommandLineFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        Budget.hold(data.length, () -> isRefused(new String(data, UTF_8).split("\n", -1)));
    }

    private static boolean isRefused(String... arguments) {
        try {
            COMMAND.parseArgs(arguments);
            return false;
        } catch (ParameterException e) {
            requireSentence(e, arguments);
            return true;
        }
    }

    private static void requireSentence(ParameterException e, String... arguments) {
        StringWriter said = new StringWriter();
        CommandLine command = e.getCommandLine();
        PrintWriter before = command.getErr();
        try {
            command.setErr(new PrintWriter(said, /* autoFlush= */ true));
            command.getParameterExceptionHandler().handleParseException(e, arguments);
        } catch (Exception failed) { // what the interface allows
            throw new AssertionError(failed);
        } finally {
            command.setErr(before);
        }
        String sentence = said.toString().strip();
        if (sentence.lines().count() != 1 || sentence.length() > LONGEST_SENTENCE || !sentence.endsWith("--help)")) {
            throw new AssertionError("not a sentence: " + sentence, e);
        }
    }
}
