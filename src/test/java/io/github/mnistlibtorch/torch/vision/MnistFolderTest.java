package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistFolderTest {
    private static final Path HOME = Path.of(System.getProperty("user.home"));

    @TempDir
    private Path root;

    @Test
    void tildeIsTheHomeFolder() {
        assertThat(MnistFolder.expandUser(Path.of("~"))).isEqualTo(HOME);
        assertThat(MnistFolder.expandUser(Path.of("~/data/digits"))).isEqualTo(HOME.resolve("data/digits"));
        assertThat(MnistFolder.raw(Path.of("~/data"))).isEqualTo(HOME.resolve("data/MNIST/raw"));
    }

    @Test
    void otherTildesArePartsOfNames() {
        for (String path : new String[] {"~data", "data/~", "/~", "data~"}) {
            assertThat(MnistFolder.expandUser(Path.of(path))).isEqualTo(Path.of(path));
        }
    }

    @Test
    void rawAndPackedFilesMayBeMixed() throws IOException {
        MnistTest.writeSet(root);
        Files.move(root.resolve("t10k-labels-idx1-ubyte"), root.resolve("t10k-labels-idx1-ubyte.gz"));
        MnistFolder found = MnistFolder.find(root);
        assertThat(found.file("t10k-labels-idx1-ubyte")).isEqualTo(root.resolve("t10k-labels-idx1-ubyte.gz"));
        assertThat(found.file("train-labels-idx1-ubyte")).isEqualTo(root.resolve("train-labels-idx1-ubyte"));
    }

    @Test
    void missingFilesAreThoseOfTheFullestFolder() throws IOException {
        MnistTest.writeSet(Files.createDirectories(root.resolve("raw")));
        Files.delete(root.resolve("raw/t10k-images-idx3-ubyte"));
        Files.delete(root.resolve("raw/train-labels-idx1-ubyte"));
        Files.writeString(root.resolve("train-labels-idx1-ubyte"), "alone");
        assertThatThrownBy(() -> MnistFolder.find(root))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith("MNIST is not complete in " + root.resolve("raw")
                        + ": train-labels-idx1-ubyte, t10k-images-idx3-ubyte (raw or .gz) not found there")
                .hasMessageContaining(root.resolve("MNIST/raw") + " and " + root + ";")
                .message()
                .doesNotContain("\n");
    }

    @Test
    void folderOfAFilesNameIsNotTheFile() throws IOException {
        MnistTest.writeSet(root);
        Files.delete(root.resolve("train-images-idx3-ubyte"));
        Files.createDirectory(root.resolve("train-images-idx3-ubyte"));
        assertThatThrownBy(() -> MnistFolder.find(root))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(": train-images-idx3-ubyte (raw or .gz) not found");
    }
}
