package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Keeps a folder of results for one process. The system gives it back when the process ends, however it does. */
public final class FolderLock implements AutoCloseable {
    private static final String NAME = ".mnist-running";

    private final Path folder;
    private final FileChannel channel;

    private FolderLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /**
     * Takes a folder, which is made if it is not there.
     *
     * @param isAskedFor whether it has to be this one; else, if another process has it, it is one beside it
     * @throws InputException if another process has it, or it cannot be written to
     */
    public static FolderLock hold(Path folder, boolean isAskedFor) throws IOException {
        Path own = folder;
        for (int number = 2; ; number++) {
            OutputPaths.makeWritable(own, "--out");
            FolderLock lock = tryHold(own);
            if (lock != null) {
                return lock;
            }
            if (isAskedFor) {
                throw new InputException(
                        "another run is writing to " + own + "; wait for its end, or choose another --out");
            }
            own = Path.of(folder + "-" + number);
        }
    }

    private static @Nullable FolderLock tryHold(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        while (true) {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (!lock(channel)) {
                channel.close();
                return null;
            }
            if (Files.exists(file)) {
                return new FolderLock(folder, channel);
            }
            channel.close(); // the process that had it has removed the file in between
        }
    }

    /** What this process has. */
    public Path folder() {
        return folder;
    }

    /** Whether a process has a folder. */
    public static boolean isHeld(Path folder) {
        Path file = folder.resolve(NAME);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            return !lock(channel);
        } catch (IOException e) {
            return false; // there is none
        }
    }

    /** On a file system without locks, every process gets one. */
    private static boolean lock(FileChannel channel) {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    /** Gives the folder back. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(folder.resolve(NAME));
            channel.close();
        } catch (IOException e) {
            // The system gives it back when the process ends.
        }
    }
}
