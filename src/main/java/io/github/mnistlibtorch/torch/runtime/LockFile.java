package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A file that this process has locked, until it ends, however it does. Others may remove the file and make it again: what is locked is
 * the file that had the name when the lock was taken. On a file system without locks every process gets one.
 */
public final class LockFile implements AutoCloseable {
    private final Path file;
    private final Object identity;
    private final FileChannel channel;

    private LockFile(Path file, Object identity, FileChannel channel) {
        this.file = file;
        this.identity = identity;
        this.channel = channel;
    }

    /**
     * Locks a file for this process alone, and makes it if it is not there.
     *
     * @return {@code null} if another process has it
     * @throws NoSuchFileException if there is no folder for it
     * @throws FileSystemException if there is something else by that name, or it cannot be written to
     */
    public static @Nullable LockFile tryAlone(Path file) throws IOException {
        return take(file, /* isShared= */ false);
    }

    /**
     * Locks a file for this process and others that share it, and makes it if it is not there; waits while a process has it alone.
     *
     * @throws NoSuchFileException if there is no folder for it
     */
    static LockFile share(Path file) throws IOException {
        while (true) {
            LockFile lock = take(file, /* isShared= */ true);
            if (lock != null) {
                return lock;
            }
        }
    }

    private static @Nullable LockFile take(Path file, boolean isShared) throws IOException {
        while (true) { // until it is not removed in between
            try {
                Files.createFile(file);
            } catch (FileAlreadyExistsException e) {
                // Another process has made it, now or before.
            }
            Object identity = identity(file);
            FileChannel channel = identity == null ? null : open(file, isShared);
            if (identity == null || channel == null) {
                continue;
            }
            if (!lock(channel, isShared, /* waits= */ isShared)) {
                channel.close();
                return null;
            }
            if (identity.equals(identity(file))) {
                return new LockFile(file, identity, channel);
            }
            channel.close();
        }
    }

    /** Whether a process has a file for itself alone. */
    public static boolean isTaken(Path file) {
        try {
            if (identity(file) == null) {
                return false;
            }
            try (FileChannel channel = open(file, /* isShared= */ true)) {
                return channel != null && !lock(channel, /* isShared= */ true, /* waits= */ false);
            }
        } catch (IOException e) {
            return false; // not of this program
        }
    }

    /** Null if it has been removed. */
    private static @Nullable FileChannel open(Path file, boolean isShared) throws IOException {
        try {
            Set<OpenOption> options =
                    Set.of(LinkOption.NOFOLLOW_LINKS, isShared ? StandardOpenOption.READ : StandardOpenOption.WRITE);
            return FileChannel.open(file, options);
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    private static boolean lock(FileChannel channel, boolean isShared, boolean waits) {
        try {
            FileLock lock =
                    waits ? channel.lock(0, Long.MAX_VALUE, isShared) : channel.tryLock(0, Long.MAX_VALUE, isShared);
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        } catch (IOException e) {
            return true; // a file system without locks
        }
    }

    /**
     * Which file it is that has a name; {@code null} if there is none.
     *
     * @throws FileSystemException if there is a link, a pipe or a folder, which might lead elsewhere or be waited for
     */
    private static @Nullable Object identity(Path file) throws IOException {
        try {
            BasicFileAttributes attributes =
                    Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!attributes.isRegularFile()) {
                throw new FileSystemException(file.toString(), null, "not a file");
            }
            Object key = attributes.fileKey();
            return key == null ? attributes.creationTime() : key; // Windows has no keys
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /** Whether the file that is locked still has its name. */
    public boolean isInPlace() {
        try {
            return identity.equals(identity(file));
        } catch (IOException e) {
            return false;
        }
    }

    /** Gives the lock back, and removes the file. */
    public void remove() throws IOException {
        try (this) {
            if (isInPlace()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Gives the lock back. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
