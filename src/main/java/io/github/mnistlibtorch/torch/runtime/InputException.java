package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file or folder that a person named cannot be used. The message is one sentence: what is wrong, in which file,
 * and what to do. It has at most 300 characters: "…" stands for the middle of a longer one.
 */
public final class InputException extends IOException {
    public InputException(String message) {
        super(PlainText.shortened(message));
    }

    public InputException(String message, Throwable cause) {
        super(PlainText.shortened(message), cause);
    }

    /**
     * Checks that there is such a file, and that it can be read: some of the system's, such as {@code /proc/self/mem}, cannot.
     *
     * @param remedy what to do if not
     * @throws InputException if it is not so
     */
    public static void requireFile(Path file, String remedy) throws InputException {
        if (!Files.isRegularFile(file)) {
            throw new InputException(PlainText.name(file) + " is not a file; " + remedy);
        }
        try (InputStream in = Files.newInputStream(file)) {
            in.read();
        } catch (FileSystemException e) {
            // It may not be opened; whoever opens it says so.
        } catch (IOException e) {
            throw new InputException(PlainText.name(file) + " cannot be read (" + e.getMessage() + "); " + remedy, e);
        }
    }
}
