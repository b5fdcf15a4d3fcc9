package io.github.mnistlibtorch.torch.runtime;

import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Writes a file whole or not at all: to a temporary name in the same folder, forced to disk, then moved into place.
 * Whoever opens the file finds the old content or the new, never a part.
 */
public final class AtomicFile {
    private static final String PREFIX = ".mnist-";
    private static final String SUFFIX = ".part";
    private static final int BUFFER = 1 << 16;

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
        write(file, null, content);
    }

    /**
     * Replaces or creates {@code file}, and keeps what was in it as {@code previous}. Whoever looks finds {@code file}
     * at any moment, if it was there before.
     *
     * @param previous in the same folder; nothing is kept if it is {@code null}
     * @throws IOException as above; both files are then as they were before, or {@code previous} is a copy of {@code file}
     */
    public static void write(Path file, @Nullable Path previous, Content content) throws IOException {
        Path target = file.toAbsolutePath();
        // Not createTempFile: its files stay readable by their owner alone, whatever the umask says.
        Path temporary = temporaryBeside(target);
        try {
            try (OutputStream out =
                    new BufferedOutputStream(new NamingStream(open(temporary, target), target), BUFFER)) {
                content.writeTo(out);
            }
            try {
                force(temporary, StandardOpenOption.WRITE);
            } catch (IOException e) {
                throw named(target, e);
            }
            if (previous != null && Files.exists(target)) {
                keep(target, previous.toAbsolutePath());
            }
            try {
                moveIntoPlace(temporary, target);
            } catch (FileSystemException e) {
                throw named(target, e);
            }
        } finally {
            deleteQuietly(temporary);
        }
        forceFolderOf(target);
    }

    /** What has failed before says more. */
    private static void deleteQuietly(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            // A later run deletes it.
        }
    }

    private static OutputStream open(Path temporary, Path target) throws IOException {
        try {
            return Files.newOutputStream(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(target.toString(), null, "its folder does not exist");
        } catch (FileSystemException e) {
            throw named(target, e);
        }
    }

    /** The system says what went wrong, but not with which file, or with the temporary one. */
    private static FileSystemException named(Path target, IOException e) {
        if (e instanceof AccessDeniedException) {
            return new AccessDeniedException(target.toString(), null, "permission denied");
        }
        String reason = e instanceof FileSystemException file ? file.getReason() : e.getMessage();
        FileSystemException named = new FileSystemException(target.toString(), null, reason);
        named.initCause(e);
        return named;
    }

    /** Says which file a disk has failed with. */
    private static final class NamingStream extends FilterOutputStream {
        private final Path target;

        NamingStream(OutputStream out, Path target) {
            super(out);
            this.target = target;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                out.write(bytes, offset, length);
            } catch (IOException e) {
                throw named(target, e);
            }
        }
    }

    /**
     * Deletes what killed processes have left in a folder: temporary files that nobody has written to for a day. Those
     * that cannot be deleted stay.
     */
    public static void deleteLeftovers(Path folder) {
        Instant aDayAgo = Instant.now().minus(Duration.ofDays(1));
        try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, PREFIX + "*" + SUFFIX)) {
            for (Path part : parts) {
                if (Files.getLastModifiedTime(part).toInstant().isBefore(aDayAgo)) {
                    Files.deleteIfExists(part);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            return; // they are in nobody's way
        }
    }

    /** A second name for the same file costs nothing; where there is no such thing, a copy. */
    private static void keep(Path target, Path previous) throws IOException {
        Path link = temporaryBeside(target);
        try {
            Files.createLink(link, target);
        } catch (IOException | UnsupportedOperationException e) {
            write(previous, out -> Files.copy(target, out));
            return;
        }
        try {
            moveIntoPlace(link, previous);
        } finally {
            Files.deleteIfExists(link);
        }
    }

    private static Path temporaryBeside(Path target) {
        return target.resolveSibling(PREFIX + UUID.randomUUID() + SUFFIX);
    }

    private static void moveIntoPlace(Path temporary, Path target) throws IOException {
        try {
            // Whether an atomic move replaces what is there is up to the file system, unless it is told to.
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
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
