package io.github.mnistlibtorch.app.cli;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.distributed.DistributedException;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.LibTorchException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.UnusableLibTorchException;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import io.github.mnistlibtorch.tutorial.listeners.DivergedException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;

/** The commands of the program, its exit codes and how it speaks of errors: one sentence on standard error. */
@Command(
        name = "mnist-libtorch",
        description = {
            "\"Training Deep Neural Networks on a GPU with PyTorch\", in Java, directly on LibTorch.",
            "Without a command: train, with the article's values."
        },
        subcommands = {
            TrainCommand.class,
            SweepCommand.class,
            EvaluateCommand.class,
            PredictCommand.class,
            ServeCommand.class,
            ParityCommand.class,
            CompareCommand.class,
            InfoCommand.class,
            CommandLine.HelpCommand.class,
            AutoComplete.GenerateCompletion.class
        },
        mixinStandardHelpOptions = true,
        versionProvider = CommandLineInterface.Version.class,
        scope = ScopeType.INHERIT,
        synopsisSubcommandLabel = "[COMMAND]",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:failed", "2:wrong usage or bad input", "130:interrupted"},
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch                            the article",
            "  mnist-libtorch train --help               its options",
            "  mnist-libtorch predict digit.png          which digit is it?",
            "  source <(mnist-libtorch generate-completion)   completion, in bash and zsh"
        })
public final class CommandLineInterface {
    /** What is answered without LibTorch. */
    private static final Set<String> TEXTS = Set.of("help", "-h", "--help", "-V", "--version", "generate-completion");

    private static final String LIBTORCH = "--libtorch";

    private static final Pattern STACK_TRACE = Pattern.compile("\n(\tat |Exception raised|frame #)");

    private static final int FAILED = 1;
    private static final int BAD_INPUT = 2;

    @Option(names = "--verbose", description = "Show the stack trace of an error.", scope = ScopeType.INHERIT)
    private boolean verbose;

    /** Takes effect while the command line is read, before any command starts. */
    @Option(
            names = LIBTORCH,
            paramLabel = "SOURCE",
            scope = ScopeType.INHERIT,
            description =
                    "Which LibTorch computes: bundled, the one in this jar; python, that of python3 or of the Python"
                            + " that LIBTORCH_PYTHON names; or the folder of another. Default: LIBTORCH_USE_PYTORCH=1 or"
                            + " LIBTORCH=FOLDER if set, else bundled.")
    private void setLibTorch(String source) {
        LibTorch.use(source);
    }

    private CommandLineInterface() {}

    /**
     * Runs the command that {@code arguments} ask for; {@code train} if there are none.
     *
     * @return the exit code
     */
    public static int run(String... arguments) {
        if (!asksForText(arguments) && !mayChooseLibTorch(arguments)) {
            // While the command line is read, and then the data.
            LibTorch.startInBackground();
        }
        Warnings.showWith(message -> System.err.println("warning: " + PlainText.line(message)));
        try {
            int exitCode = commandLine().execute(arguments.length == 0 ? new String[] {"train"} : arguments);
            if (System.out.checkError()) {
                System.err.println("mnist-libtorch: standard output cannot be written");
                return FAILED;
            }
            return exitCode;
        } catch (OutOfMemoryError e) {
            System.err.println(line("Java has no memory left"
                    + (e.getMessage() == null ? "" : " (" + e.getMessage() + ")")
                    + "; give it more with java -Xmx1g -jar ..."));
            return FAILED;
        } catch (LinkageError | InternalError e) {
            if (List.of(arguments).contains("--verbose")) {
                e.printStackTrace();
            }
            System.err.println(line("this Java lacks a part (" + LibTorch.firstLine(LibTorch.rootCause(e))
                    + "); use a complete one, such as Debian's default-jre, with its fonts"));
            return FAILED;
        } catch (StackOverflowError e) {
            System.err.println(
                    "mnist-libtorch: the input is nested too deeply; give Java more with java -Xss8m -jar ...");
            return FAILED;
        } finally {
            LibTorch.finishStart();
        }
    }

    static CommandLine commandLine() {
        CommandLineInterface program = new CommandLineInterface();
        return new CommandLine(program)
                .registerConverter(Path.class, Converters::path)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExpandAtFiles(false) // @name is a name like any other
                .setParameterExceptionHandler(CommandLineInterface::wrongUsage)
                .setExecutionExceptionHandler(program::failed);
    }

    /** Then it is started when the command line has been read. */
    private static boolean mayChooseLibTorch(String... arguments) {
        return Stream.of(arguments).anyMatch(word -> word.startsWith(LIBTORCH) || word.equals(CompareCommand.NAME));
    }

    private static boolean asksForText(String... arguments) {
        return Stream.of(arguments).anyMatch(TEXTS::contains);
    }

    private static int wrongUsage(ParameterException e, String[] arguments) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        List<String> suggestions =
                e instanceof CommandLine.UnmatchedArgumentException unmatched ? unmatched.getSuggestions() : List.of();
        err.println(line(e.getMessage()
                + (suggestions.isEmpty() ? "" : "; did you mean " + String.join(" or ", suggestions) + "?")
                + " (see " + command.getCommandSpec().qualifiedName() + " --help)"));
        return BAD_INPUT;
    }

    private int failed(Exception exception, CommandLine command, ParseResult parsed) {
        Exception e =
                exception instanceof UncheckedIOException wrapper ? requireNonNull(wrapper.getCause()) : exception;
        PrintWriter err = command.getErr();
        String otherwise = e instanceof DivergedException ? ", or go on all the same with --allow-nan" : "";
        err.println(line(sentence(e) + otherwise));
        if (verbose) {
            e.printStackTrace(err);
        } else if (!saysItAll(e)) {
            err.println("Run it again with --verbose to see where.");
        }
        boolean badInput = e instanceof InputException
                || e instanceof AccessDeniedException
                || e instanceof UnusableLibTorchException;
        return badInput ? BAD_INPUT : FAILED;
    }

    private static String line(String sentence) {
        return PlainText.sentence("mnist-libtorch: " + sentence);
    }

    /** What is wrong, with what this program is called before it. */
    static String line(Exception e) {
        return line(sentence(e));
    }

    /** What is wrong; Java says of a file that may not be read no more than its name. */
    private static String sentence(Exception e) {
        if (e instanceof AccessDeniedException denied) {
            return denied.getFile() + " may not be read or written; change its permissions, or name another";
        }
        if (e instanceof FileSystemException file && file.getReason() != null) {
            return file.getFile() + " cannot be read or written (" + file.getReason()
                    + "); when that is mended, run it again";
        }
        // A message of this program is one sentence, whatever a file is called, but for what it quotes; of others, the
        // first line is.
        return e instanceof InputException
                ? STACK_TRACE.split(String.valueOf(e.getMessage()), 2)[0]
                : LibTorch.firstLine(e);
    }

    private static boolean saysItAll(Exception e) {
        return e instanceof IOException
                || e instanceof LibTorchException
                || e instanceof DivergedException
                || e instanceof DistributedException;
    }

    /** The version that the build wrote into the manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"mnist-libtorch " + number()};
        }

        static String number() {
            String version = CommandLineInterface.class.getPackage().getImplementationVersion();
            return version == null ? "(not packaged)" : version;
        }
    }
}
