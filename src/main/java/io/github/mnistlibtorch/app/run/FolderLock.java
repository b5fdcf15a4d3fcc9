package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LockFile;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a folder of results for one process. The system gives it back when the process ends, however it does. As the first listener of a
 * run it ends the run before anything is written into a folder that has taken the place of this one.
 */
public final class FolderLock implements AutoCloseable, RunListener {
    private static final String NAME = ".mnist-running";

    private final Path folder;
    private final LockFile lock;

    private FolderLock(Path folder, LockFile lock) {
        this.folder = folder;
        this.lock = lock;
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
            LockFile lock = tryHold(own.resolve(NAME));
            if (lock != null) {
                return new FolderLock(own, lock);
            }
            if (isAskedFor) {
                throw new InputException(
                        "another run is writing to " + own + "; wait for its end, or choose another --out");
            }
            own = Path.of(folder + "-" + number);
        }
    }

    private static @Nullable LockFile tryHold(Path file) throws IOException {
        try {
            return LockFile.tryAlone(file);
        } catch (FileSystemException e) {
            throw new InputException(
                    file + " cannot be locked (" + OutputPaths.reason(e) + "); remove it, or choose another --out", e);
        }
    }

    /** What this process has. */
    public Path folder() {
        return folder;
    }

    /** Whether a process has a folder. */
    public static boolean isHeld(Path folder) {
        return LockFile.isTaken(folder.resolve(NAME));
    }

    /**
     * Checks that the folder is still where it was.
     *
     * @throws IOException if it has been removed, or another is in its place, which may be that of another run
     */
    public void requireInPlace() throws IOException {
        if (!lock.isInPlace()) {
            throw new IOException(
                    folder + " is no longer the folder that this run began to write to; put that one back,"
                            + " or choose another --out");
        }
    }

    private void check() {
        try {
            requireInPlace();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        check();
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        check();
    }

    @Override
    public void onRunEnd(ImageClassificationBase model) {
        check();
    }

    /** Gives the folder back. */
    @Override
    public void close() {
        try {
            lock.remove();
        } catch (IOException e) {
            // The system gives it back when the process ends.
        }
    }
}
