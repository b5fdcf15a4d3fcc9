package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file or folder that a person named cannot be used. The message is one sentence: what is wrong, in which file,
 * and what to do.
 */
public final class InputException extends IOException {
    public InputException(String message) {
        super(message);
    }

    public InputException(String message, Throwable cause) {
        super(message, cause);
    }

    /**
     * Checks that there is such a file.
     *
     * @param remedy what to do if not
     */
    public static void requireFile(Path file, String remedy) throws InputException {
        if (!Files.isRegularFile(file)) {
            throw new InputException(file + " is not a file; " + remedy);
        }
    }
}
