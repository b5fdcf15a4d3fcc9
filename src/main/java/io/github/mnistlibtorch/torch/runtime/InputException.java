package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;

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
}
