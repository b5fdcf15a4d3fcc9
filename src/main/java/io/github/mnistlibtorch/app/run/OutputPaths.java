package io.github.mnistlibtorch.app.run;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A folder that results go to. */
public final class OutputPaths {
    private OutputPaths() {}

    /** Finds out before the training, not after it, that its results could not be kept. */
    public static void makeWritable(Path folder, String option) throws InputException {
        try {
            Files.createDirectories(folder);
            Files.delete(Files.createTempFile(folder, ".probe", null));
            AtomicFile.deleteLeftovers(folder);
        } catch (FileAlreadyExistsException e) {
            throw new InputException(folder + " is a file, not a folder; choose another " + option, e);
        } catch (IOException e) {
            throw new InputException(
                    "cannot write to the folder " + folder + " (" + reason(e) + "); choose another " + option, e);
        }
    }

    /** Why a file cannot be written, in a few words. */
    public static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        return e instanceof FileSystemException file && file.getReason() != null
                ? file.getReason()
                : LibTorch.firstLine(e);
    }

    /**
     * Checks that a file can be written that is none of those that the run writes for itself.
     *
     * @param taken where the run writes other things
     * @param option that names the file, for the message
     * @throws InputException if the file is one of these, or cannot be written
     */
    public static void requireOwnFile(Path file, List<Path> taken, String option) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new InputException(file + " is not a file; name one with " + option);
        }
        Path absolute = file.toAbsolutePath().normalize();
        if (taken.stream().map(path -> path.toAbsolutePath().normalize()).anyMatch(absolute::equals)) {
            throw new InputException(file + " is where this run writes its results; name another file with " + option);
        }
        OutputPaths.makeWritable(requireNonNull(absolute.getParent()), option);
    }
}
