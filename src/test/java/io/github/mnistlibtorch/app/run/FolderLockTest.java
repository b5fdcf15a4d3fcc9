package io.github.mnistlibtorch.app.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderLockTest {
    @TempDir
    Path folder;

    @Test
    void aFolderThatNobodyAskedForMayBeAnother() throws IOException {
        Path out = folder.resolve("out");
        try (FolderLock first = FolderLock.hold(out, true);
                FolderLock second = FolderLock.hold(out, false);
                FolderLock third = FolderLock.hold(out, false)) {
            assertThat(first.folder()).isEqualTo(out);
            assertThat(second.folder()).isEqualTo(folder.resolve("out-2"));
            assertThat(third.folder()).isEqualTo(folder.resolve("out-3"));
            assertThat(FolderLock.isHeld(out)).isTrue();
            assertThatThrownBy(() -> FolderLock.hold(out, true))
                    .isInstanceOf(InputException.class)
                    .hasMessage("another run is writing to " + out + "; wait for its end, or choose another --out");
        }
        assertThat(FolderLock.isHeld(out)).isFalse();
        assertThat(out).isEmptyDirectory();
    }

    @Test
    void anotherFolderInItsPlaceIsNotWrittenTo() throws IOException {
        Path out = folder.resolve("out");
        try (FolderLock first = FolderLock.hold(out, true)) {
            first.requireInPlace();
            Files.move(out, folder.resolve("moved"));
            assertGone(first, out);
            try (FolderLock second = FolderLock.hold(out, true)) {
                assertGone(first, out);
                first.close();
                assertThat(FolderLock.isHeld(out)).as("it is the second's").isTrue();
                second.requireInPlace();
            }
        }
    }

    private static void assertGone(FolderLock lock, Path out) {
        assertThatThrownBy(lock::requireInPlace)
                .isInstanceOf(IOException.class)
                .hasMessage(out + " is no longer the folder that this run began to write to; put that one back, or"
                        + " choose another --out");
    }

    @Test
    void aLinkInPlaceOfTheLockIsRefused() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve(".mnist-running"), folder.resolve("elsewhere"));
        assertThatThrownBy(() -> FolderLock.hold(folder, true))
                .isInstanceOf(InputException.class)
                .hasMessage(link + " cannot be locked (not a file); remove it, or choose another --out");
        assertThat(folder.resolve("elsewhere")).doesNotExist();
    }
}
