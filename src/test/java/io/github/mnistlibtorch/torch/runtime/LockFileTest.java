package io.github.mnistlibtorch.torch.runtime;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class LockFileTest {
    @TempDir
    Path folder;

    @Test
    void oneHasItAndNoOtherUntilItIsGivenBack() throws IOException {
        Path file = folder.resolve("lock");
        assertThat(LockFile.isTaken(file)).isFalse();
        try (LockFile first = LockFile.tryAlone(file)) {
            assertThat(first).isNotNull();
            assertThat(LockFile.tryAlone(file)).isNull();
            assertThat(LockFile.isTaken(file)).isTrue();
        }
        assertThat(LockFile.isTaken(file)).as("the file alone says nothing").isFalse();
        try (LockFile next = LockFile.tryAlone(file)) {
            assertThat(next).isNotNull();
        }
    }

    /** Two processes had the lock on a file that a third had removed and made again. */
    @Test
    void aFileThatIsMadeAgainIsAnother() throws IOException {
        Path file = folder.resolve("lock");
        LockFile first = requireNonNull(LockFile.tryAlone(file));
        assertThat(first.isInPlace()).isTrue();
        Files.move(file, folder.resolve("moved")); // so that its number is not given again
        assertThat(first.isInPlace()).isFalse();
        try (LockFile second = requireNonNull(LockFile.tryAlone(file))) {
            assertThat(first.isInPlace()).isFalse();
            first.remove();
            assertThat(second.isInPlace()).as("not removed by the first").isTrue();
        }
    }

    @Test
    void itIsRemovedByTheOneThatHasIt() throws IOException {
        LockFile lock = requireNonNull(LockFile.tryAlone(folder.resolve("lock")));
        lock.remove();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void withoutAFolderThereIsNone() {
        Path file = folder.resolve("missing/lock");
        assertThatThrownBy(() -> LockFile.tryAlone(file)).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> LockFile.share(file)).isInstanceOf(NoSuchFileException.class);
        assertThat(LockFile.isTaken(file)).isFalse();
    }

    /** To open a pipe waits for somebody who reads from it; a link leads out of the folder. */
    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void whatIsNoFileIsRefused() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("elsewhere"));
        assertRefused(link);
        assertThat(folder.resolve("elsewhere")).doesNotExist();
        assertRefused(Files.createDirectory(folder.resolve("folder")));
        Path pipe = folder.resolve("pipe");
        assumeTrue(hasMade(pipe), "no pipe can be made here");
        assertRefused(pipe);
    }

    private static boolean hasMade(Path pipe) throws InterruptedException {
        try {
            Process mkfifo = new ProcessBuilder("mkfifo", pipe.toString()).start();
            return mkfifo.waitFor(30, TimeUnit.SECONDS) && mkfifo.exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private static void assertRefused(Path file) {
        assertThatThrownBy(() -> LockFile.tryAlone(file))
                .isInstanceOf(FileSystemException.class)
                .hasMessage(file + ": not a file");
        assertThat(LockFile.isTaken(file)).isFalse();
    }
}
