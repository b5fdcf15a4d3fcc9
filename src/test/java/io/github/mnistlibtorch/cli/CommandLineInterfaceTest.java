package io.github.mnistlibtorch.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.io.InputException;
import java.nio.file.AccessDeniedException;
import org.junit.jupiter.api.Test;

class CommandLineInterfaceTest {
    @Test
    void saysMoreOfAFileThatMayNotBeReadThanItsName() {
        assertThat(CommandLineInterface.sentence(new AccessDeniedException("model.pt")))
                .isEqualTo("model.pt may not be read or written; change its permissions, or name another");
        assertThat(CommandLineInterface.sentence(new InputException("a is not b; use c\n\tat native code")))
                .isEqualTo("a is not b; use c");
    }
}
