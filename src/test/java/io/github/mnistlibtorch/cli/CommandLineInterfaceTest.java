package io.github.mnistlibtorch.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.io.InputException;
import java.nio.file.AccessDeniedException;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.UnmatchedArgumentException;

class CommandLineInterfaceTest {
    @Test
    void saysMoreOfAFileThatMayNotBeReadThanItsName() {
        assertThat(CommandLineInterface.sentence(new AccessDeniedException("model.pt")))
                .isEqualTo("model.pt may not be read or written; change its permissions, or name another");
        assertThat(CommandLineInterface.sentence(new InputException("a is not b; use c\n\tat native code")))
                .isEqualTo("a is not b; use c");
    }

    /** Found by {@code CommandLineFuzz}: picocli would open it, and fail if that is a folder. */
    @Test
    void noFileIsReadForAnArgumentWithAnAt() {
        assertThatThrownBy(() -> CommandLineInterface.commandLine().parseArgs("@."))
                .isInstanceOf(UnmatchedArgumentException.class)
                .hasMessageContaining("'@.'");
    }
}
