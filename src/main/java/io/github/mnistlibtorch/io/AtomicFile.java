package io.github.mnistlibtorch.io;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Writes a file whole or not at all: to a temporary name in the same folder, forced to disk, then moved into place.
 * Whoever opens the file finds the old content or the new, never a part.
 */
public final class AtomicFile {
    private AtomicFile() {}

    /** Produces the content of a file. */
    @FunctionalInterface
    public interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    /**
     * Replaces or creates {@code file}, with the permissions of any new file; its folder must exist.
     *
     * @throws java.nio.file.NoSuchFileException if the folder does not exist
     * @throws IOException if {@code content} fails or the disk does; {@code file} is then as it was before
     */
    public static void write(Path file, Content content) throws IOException {
        Path target = file.toAbsolutePath();
        // Not createTempFile: its files stay readable by their owner alone, whatever the umask says.
        Path temporary = target.resolveSibling(".mnist-" + UUID.randomUUID() + ".part");
        try {
            try (OutputStream out = new BufferedOutputStream(
                    Files.newOutputStream(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    1 << 16)) {
                content.writeTo(out);
            }
            force(temporary, StandardOpenOption.WRITE);
            moveIntoPlace(temporary, target);
        } finally {
            Files.deleteIfExists(temporary);
        }
        forceFolderOf(target);
    }

    private static void moveIntoPlace(Path temporary, Path target) throws IOException {
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** The new name has to reach the disk as well; systems that cannot open a folder (Windows) see to it themselves. */
    private static void forceFolderOf(Path target) {
        try {
            force(target.resolveSibling(""), StandardOpenOption.READ);
        } catch (IOException e) {
            // The file is complete and in place: not a failure to report.
            return;
        }
    }

    private static void force(Path path, OpenOption option) throws IOException {
        try (FileChannel channel = FileChannel.open(path, option)) {
            channel.force(true);
        }
    }
}
