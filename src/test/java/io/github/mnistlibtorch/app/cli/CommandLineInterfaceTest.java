package io.github.mnistlibtorch.app.cli;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.nio.file.AccessDeniedException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.UnmatchedArgumentException;

class CommandLineInterfaceTest {
    @Test
    void saysMoreOfAFileThatMayNotBeReadThanItsName() {
        assertThat(CommandLineInterface.line(new AccessDeniedException("model.pt")))
                .isEqualTo(
                        "mnist-libtorch: model.pt may not be read or written; change its permissions, or name another");
        assertThat(CommandLineInterface.line(new InputException("a is not b; use c\n\tat native code")))
                .isEqualTo("mnist-libtorch: a is not b; use c");
    }

    /** Found by {@code CommandLineFuzz}: picocli would open it, and fail if that is a folder. */
    @Test
    void noFileIsReadForAnArgumentWithAnAt() {
        assertThatThrownBy(() -> CommandLineInterface.commandLine().parseArgs("@."))
                .isInstanceOf(UnmatchedArgumentException.class)
                .hasMessageContaining("'@.'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "train", "evaluate", "predict", "serve", "parity", "info"})
    void helpFitsATerminalAndHasExamples(String command) {
        CommandLine program = CommandLineInterface.commandLine();
        CommandLine line = command.isEmpty()
                ? program
                : requireNonNull(program.getSubcommands().get(command));
        String help = line.getUsageMessage(CommandLine.Help.Ansi.OFF);

        assertThat(help.lines()).allMatch(text -> text.length() <= 80);
        assertThat(help).contains("Examples:");
    }

    /** What a help page shows as an example is taken as it stands. */
    @ParameterizedTest
    @ValueSource(strings = {"train", "evaluate", "predict", "serve", "parity", "info"})
    void examplesAreUnderstood(String command) {
        CommandLine line = requireNonNull(
                CommandLineInterface.commandLine().getSubcommands().get(command));
        String[] examples = line.getCommandSpec().usageMessage().footer();
        assertThat(examples).isNotEmpty().allSatisfy(example -> {
            String[] words = example.trim().split(" +");
            assertThat(words).startsWith("mnist-libtorch", command);
            CommandLineInterface.commandLine().parseArgs(Arrays.copyOfRange(words, 1, words.length));
        });
    }

    @Test
    void completionKnowsEveryCommandAndOption() {
        String script = AutoComplete.bash("mnist-libtorch", CommandLineInterface.commandLine());
        assertThat(script).contains("train", "predict", "--hidden-size", "--resume", "--split");
    }
}
