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
                .hasMessage(
                        "there is no complete set in " + root + ", where there are raw, train-labels-idx1-ubyte: raw"
                                + " lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte (or the same with"
                                + " .idx, .gz); name one with all four, or with pictures by class")
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
                .hasMessageContaining(" lacks train-images-idx3-ubyte (or the same with .idx, .gz)");
    }

    /** {@code train-images.idx3-ubyte}, and Kaggle's archive, which unpacks a folder for each file. */
    @Test
    void filesMayHaveTheirOtherNames() throws IOException {
        MnistTest.writeSet(root);
        Files.move(root.resolve("train-images-idx3-ubyte"), root.resolve("train-images.idx3-ubyte"));
        Files.move(root.resolve("t10k-labels-idx1-ubyte"), root.resolve("labels"));
        Path folder = Files.createDirectory(root.resolve("t10k-labels-idx1-ubyte"));
        Files.move(root.resolve("labels"), folder.resolve("t10k-labels-idx1-ubyte"));
        MnistFolder found = MnistFolder.find(root);
        assertThat(found.file("train-images-idx3-ubyte")).isEqualTo(root.resolve("train-images.idx3-ubyte"));
        assertThat(found.file("t10k-labels-idx1-ubyte")).isEqualTo(folder.resolve("t10k-labels-idx1-ubyte"));
    }

    /** The {@code root} of torchvision's {@code FashionMNIST} and {@code KMNIST}. */
    @Test
    void rootOfAnotherSetOfTorchvisionIsFound() throws IOException {
        MnistTest.writeSet(Files.createDirectories(root.resolve("FashionMNIST/raw")));
        assertThat(MnistFolder.find(root).folder()).isEqualTo(root.resolve("FashionMNIST/raw"));
        assertThat(MnistFolder.find(root.resolve("FashionMNIST")).folder()).isEqualTo(root.resolve("FashionMNIST/raw"));
        MnistTest.writeSet(Files.createDirectories(root.resolve("KMNIST/raw")));
        assertThatThrownBy(() -> MnistFolder.find(root))
                .hasMessage(root + " holds several sets; name one of " + root.resolve("FashionMNIST") + ", "
                        + root.resolve("KMNIST"));
        MnistTest.writeSet(Files.createDirectories(root.resolve("MNIST/raw")));
        assertThat(MnistFolder.find(root).folder()).isEqualTo(root.resolve("MNIST/raw"));
    }
}
