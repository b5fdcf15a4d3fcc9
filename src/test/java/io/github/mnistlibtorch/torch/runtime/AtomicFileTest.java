package io.github.mnistlibtorch.torch.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    Path folder;

    @Test
    void newFileHoldsTheContentAndNothingElseIsInTheFolder() throws IOException {
        byte[] content = new byte[200_000];
        Arrays.fill(content, (byte) 7);

        AtomicFile.write(folder.resolve("model.pt"), out -> out.write(content));

        assertThat(folder.resolve("model.pt")).hasBinaryContent(content);
        assertThat(folder).isDirectoryNotContaining("glob:**.part");
    }

    @Test
    void longerFileIsReplacedByTheShorterContent() throws IOException {
        Path file = Files.writeString(folder.resolve("history.json"), "much longer than the new content");

        AtomicFile.write(file, out -> out.write('x'));

        assertThat(file).hasContent("x");
    }

    @Test
    void oldFileStaysInPlaceUntilTheContentIsComplete() throws IOException {
        Path file = Files.writeString(folder.resolve("history.json"), "old");

        AtomicFile.write(file, out -> {
            out.write(new byte[1 << 20]);
            out.flush();
            assertThat(file).hasContent("old");
        });

        assertThat(file).hasSize(1 << 20);
    }

    @Test
    void failingContentLeavesTheOldFileAndNoTemporaryBehind() throws IOException {
        Path file = Files.writeString(folder.resolve("history.json"), "old");
        IOException full = new IOException("no space left on device");

        assertThatThrownBy(() -> AtomicFile.write(file, out -> {
                    out.write(new byte[1 << 20]);
                    throw full;
                }))
                .isSameAs(full);

        assertThat(file).hasContent("old");
        assertThat(folder.toFile().list()).containsExactly("history.json");
    }

    @Test
    void unexpectedExceptionLeavesNoFileBehind() {
        assertThatThrownBy(() -> AtomicFile.write(folder.resolve("new"), out -> {
                    throw new IllegalStateException("a bug");
                }))
                .isInstanceOf(IllegalStateException.class);

        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void contentMayCloseTheStreamAsMostWritersDo() throws IOException {
        AtomicFile.write(folder.resolve("closed"), out -> {
            out.write('x');
            out.close();
        });

        assertThat(folder.resolve("closed")).hasContent("x");
    }

    @Test
    void missingFolderIsNamed() {
        Path file = folder.resolve("missing").resolve("model.pt");

        assertThatThrownBy(() -> AtomicFile.write(file, out -> {}))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessageContaining(folder.resolve("missing").toString());
    }

    @Test
    void folderInTheWayIsNotReplaced() throws IOException {
        Path file = Files.createDirectory(folder.resolve("model.pt"));

        assertThatThrownBy(() -> AtomicFile.write(file, out -> out.write('x'))).isInstanceOf(IOException.class);

        assertThat(folder.toFile().list()).containsExactly("model.pt");
        assertThat(file).isEmptyDirectory();
    }

    @Test
    void permissionsAreThoseOfAnOrdinaryNewFile() throws IOException {
        assumeTrue(Files.getFileStore(folder).supportsFileAttributeView("posix"));
        Path ordinary = folder.resolve("ordinary");
        try (OutputStream out = Files.newOutputStream(ordinary)) {
            out.write('x');
        }

        AtomicFile.write(folder.resolve("atomic"), out -> out.write('x'));

        assertThat(Files.getPosixFilePermissions(folder.resolve("atomic")))
                .isEqualTo(Files.getPosixFilePermissions(ordinary));
    }

    @Test
    void relativeNameWithoutFolderIsWrittenToTheWorkingFolder() throws IOException {
        Path file = Path.of("atomic-file-test.tmp");
        try {
            AtomicFile.write(file, out -> out.write('x'));

            assertThat(file).hasContent("x");
        } finally {
            Files.deleteIfExists(file);
        }
    }

    @Test
    void whatWasInTheFileIsKeptIfAskedFor() throws IOException {
        Path file = folder.resolve("checkpoint.pt");
        Path previous = folder.resolve("checkpoint.previous.pt");
        for (String content : new String[] {"1", "2", "3"}) {
            AtomicFile.write(file, previous, out -> out.write(content.getBytes(UTF_8)));
        }
        assertThat(file).hasContent("3");
        assertThat(previous).hasContent("2");
        assertThat(folder).isDirectoryNotContaining("glob:**.part");
    }

    @Test
    void failingContentLeavesWhatWasKeptAsWell() throws IOException {
        Path file = Files.writeString(folder.resolve("checkpoint.pt"), "2");
        Path previous = Files.writeString(folder.resolve("checkpoint.previous.pt"), "1");
        assertThatThrownBy(() -> AtomicFile.write(file, previous, out -> {
                    throw new IOException("no space left on device");
                }))
                .hasMessage("no space left on device");
        assertThat(file).hasContent("2");
        assertThat(previous).hasContent("1");
    }

    @Test
    void leftoversAreDeletedAfterADayAndNothingElseIs() throws IOException {
        Path old = Files.createFile(folder.resolve(".mnist-1.part"));
        Path fresh = Files.createFile(folder.resolve(".mnist-2.part"));
        Path other = Files.createFile(folder.resolve("mnist-3.part"));
        FileTime twoDaysAgo = FileTime.from(Instant.now().minus(Duration.ofDays(2)));
        Files.setLastModifiedTime(old, twoDaysAgo);
        Files.setLastModifiedTime(other, twoDaysAgo);
        AtomicFile.deleteLeftovers(folder);
        assertThat(old).doesNotExist();
        assertThat(fresh).exists();
        assertThat(other).exists();
    }
}
