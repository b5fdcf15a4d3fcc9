package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that are too large to be read are mapped. They are sparse here: nothing but a few bytes is on the disk. */
@ExtendWith(LibTorchExtension.class)
class LargeFilesTest {
    private static final int COUNT = 400_000;
    private static final int PIXELS = 28 * 28;
    private static final long DATA = (long) COUNT * PIXELS;
    private static final int HEADER = 16;

    @TempDir
    private Path folder;

    private Path images;

    @BeforeEach
    void makeSet() throws IOException {
        MnistTest.writeSet(folder); // for the files of the test set
        images = sparse("train-images-idx3-ubyte", HEADER + DATA, 0x803, COUNT, 28, 28);
        sparse("train-labels-idx1-ubyte", 8 + COUNT, 0x801, COUNT);
    }

    @Test
    void largeFileIsMappedAndTakesNoMemory() throws IOException {
        long direct = bufferPool("direct");
        long mapped = bufferPool("mapped");
        IdxReader.Content content = IdxReader.readContent(images);

        assertThat(content.header().shape()).containsExactly(COUNT, 28, 28);
        assertThat(content.data().size()).isEqualTo(DATA);
        assertThat(bufferPool("mapped") - mapped).isGreaterThanOrEqualTo(DATA);
        assertThat(bufferPool("direct") - direct).isLessThan(1 << 20);
    }

    @Test
    void lastItemOfALargeSetIsTheLastInItsFiles() throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(images.toFile(), "rw")) {
            file.seek(HEADER + DATA - 1);
            file.write(255);
        }
        try (RandomAccessFile file =
                new RandomAccessFile(folder.resolve("train-labels-idx1-ubyte").toFile(), "rw")) {
            file.seek(8 + COUNT - 1);
            file.write(7);
        }
        Mnist mnist = Mnist.load(folder, Mnist.Split.TRAIN);

        assertThat(mnist.size()).isEqualTo(COUNT);
        try (TensorScope scope = TensorScope.open()) {
            LabeledImage last = mnist.get(COUNT - 1);
            assertThat(last.label()).isEqualTo(7);
            assertThat(last.image().sum().item_float()).isEqualTo(1);
            assertThat(last.image().select(1, 27).select(1, 27).item_float()).isEqualTo(1);
            Batch batch = Batch.of(mnist, new int[] {0, COUNT - 1, COUNT - 2});
            assertThat(batch.images().select(0, 1).equal(last.image())).isTrue();
            assertThat(batch.images().sum().item_float()).isEqualTo(1);
            assertThat(batch.labels().data_ptr_long().get(1)).isEqualTo(7);
        }
        assertThatThrownBy(() -> mnist.get(COUNT)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "-1, is cut short: its header announces 313600000 bytes of data; 313599999 are there",
        "1, goes on behind the 313600000 bytes of data that its header announces"
    })
    void largeFileOfAnotherLengthThanItAnnouncesIsRefused(int extra, String message) throws IOException {
        sparse("train-images-idx3-ubyte", HEADER + DATA + extra, 0x803, COUNT, 28, 28);

        assertThatThrownBy(() -> Mnist.load(folder, Mnist.Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessage(images + " " + message.replace(';', ',') + "; replace it with an intact copy");
    }

    @Test
    void largeFileThatAnnouncesNothingIsRefused() throws IOException {
        sparse("train-images-idx3-ubyte", HEADER + DATA, 0x803, 0, 28, 28);

        assertThatThrownBy(() -> IdxReader.readContent(images))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(images + " holds no items");
    }

    @Test
    void largeFileThatAnnouncesMoreThanAnyFileHoldsIsRefused() throws IOException {
        sparse("train-images-idx3-ubyte", HEADER + DATA, 0x803, Integer.MAX_VALUE, -1, Integer.MAX_VALUE);

        assertThatThrownBy(() -> IdxReader.readContent(images))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(images + " is cut short");
    }

    /** An IDX file whose data are zeros. */
    private Path sparse(String name, long length, int magic, int... shape) throws IOException {
        Path path = folder.resolve(name);
        Files.deleteIfExists(path);
        ByteBuffer header = ByteBuffer.allocate(4 + 4 * shape.length).putInt(magic);
        for (int size : shape) {
            header.putInt(size);
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.write(header.array());
            file.setLength(length);
        }
        return path;
    }

    private static long bufferPool(String name) {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals(name))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }
}
