package io.github.mnistlibtorch.torch.serialization;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import java.nio.file.Path;

/**
 * Says in one sentence why a file cannot be used.
 *
 * @param format what the file should be
 * @param remedy what to do
 */
public record InvalidFile(Path file, String format, String remedy) {
    public InputException because(String reason) {
        return new InputException(message(reason));
    }

    public InputException because(String reason, Throwable cause) {
        return new InputException(message(reason), cause);
    }

    private String message(String reason) {
        return PlainText.name(file) + " is not a usable " + format + " file: " + reason + "; " + remedy;
    }
}
