package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunConfig.Difference;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

/** {@code --resume}: whether a run may go on from a checkpoint, and what it takes over from it. */
record ResumeCheck(Checkpoint checkpoint) {
    private static final String DEVICE = "device";
    private static final String THREADS = "threads";

    /** Where the data were; which they were, the configuration says. */
    static final String DATA_FOLDER = "data folder";

    static final String IMAGE_SIZE = "image size";

    /** Options that a checkpoint does not keep. */
    private static final List<String> NOT_KEPT = List.of("--libtorch", "--num-workers", "--allow-nan", "--quiet");

    private static final Pattern PLAIN = Pattern.compile("[\\w@%+=:,./-]+");

    /** The command that goes on from a checkpoint, to be pasted into a shell. */
    static String command(Path checkpoint) {
        String jar = System.getProperty("java.class.path");
        return "java -jar " + quoted(jar.endsWith(".jar") ? jar : "mnist-libtorch.jar") + " train --resume "
                + quoted(checkpoint.toString());
    }

    /** The same, for the checkpoint of a run that was begun with {@code train}. */
    static String command(CommandSpec train, Path checkpoint) {
        StringBuilder command = new StringBuilder(command(checkpoint));
        ParseResult given = train.commandLine().getParseResult();
        for (String name : NOT_KEPT) {
            OptionSpec option = given.matchedOption(name);
            if (option != null) {
                command.append(' ').append(name);
                if (option.arity().max() > 0) {
                    command.append(' ')
                            .append(quoted(option.originalStringValues().get(0)));
                }
            }
        }
        return command.toString();
    }

    private static String quoted(String text) {
        if (PLAIN.matcher(text).matches()) {
            return text;
        }
        return System.getProperty("os.name").startsWith("Windows")
                ? '"' + text + '"'
                : "'" + text.replace("'", "'\\''") + "'";
    }

    /**
     * Gives options that may change the last digits the values that they had, where they are not given.
     *
     * @throws InputException if the checkpoint does not say
     */
    void restore(CommandSpec command) throws InputException {
        for (String name : List.of(DEVICE, THREADS)) {
            String saved = checkpoint.computedWith().get(name);
            if (saved == null) {
                throw checkpoint.refusal().because("it does not say what --" + name + " was");
            }
            OptionSpec option = command.findOption("--" + name);
            try {
                Object value = option.converters().length == 0 ? saved : option.converters()[0].convert(saved);
                if (!command.commandLine().getParseResult().hasMatchedOption(option)) {
                    option.setValue(value);
                }
            } catch (TypeConversionException e) {
                throw checkpoint.refusal().because("its --" + name + " is " + e.getMessage());
            } catch (Exception e) { // that any converter might throw
                throw new IllegalStateException(e);
            }
        }
    }

    /**
     * Checks that the checkpoint is of this run, whose schedule may go on where its own ends.
     *
     * @throws InputException if it is of another; the message lists all that differs
     */
    void requireSame(RunConfig config) throws InputException {
        List<String> differences = checkpoint.config().differences(config).stream()
                .filter(difference -> !difference.name().equals("val-batch-size"))
                .filter(difference -> !difference.name().equals("schedule")
                        || !Phase.continues(
                                config.schedule(), checkpoint.config().schedule()))
                .map(ResumeCheck::inWords)
                .toList();
        if (!differences.isEmpty()) {
            throw new InputException(PlainText.name(checkpoint.file()) + " was trained "
                    + String.join(", ", differences) + "; go on with the same, or begin a new run without --resume");
        }
    }

    /** What it was: what is asked for now, the person knows, and a sentence has no room for both. */
    private static String inWords(Difference difference) {
        return switch (difference.name()) {
            case RunConfig.DATA -> "on --data of " + difference.expected();
            case RunConfig.WORLD_SIZE -> ranks(difference.expected()) + ", not " + ranks(difference.actual());
            default -> "with --" + difference.name() + " " + difference.expected();
        };
    }

    private static String ranks(String worldSize) {
        return worldSize.equals(RunConfig.NONE) ? "by one process alone" : "by a group with WORLD_SIZE " + worldSize;
    }
}
