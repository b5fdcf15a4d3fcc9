package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OffHeapBytesTest {
    private static final int PIECE = 1 << 24;

    @TempDir
    private Path folder;

    @Test
    void streamOfManyPiecesIsReadAsItIs() throws IOException {
        byte[] source = random(2 * PIECE + 12_345);
        OffHeapBytes bytes = OffHeapBytes.read(new ByteArrayInputStream(source), source.length);

        assertThat(bytes.size()).isEqualTo(source.length);
        assertRange(bytes, source, PIECE - 1, 2);
        assertRange(bytes, source, PIECE, 1);
        assertRange(bytes, source, PIECE - 7, PIECE + 20);
        assertRange(bytes, source, source.length - 1, 1);
        assertRange(bytes, source, 0, source.length);
        Random random = new Random(2);
        for (int i = 0; i < 200; i++) {
            int from = random.nextInt(source.length);
            assertRange(bytes, source, from, Math.min(random.nextInt(100_000), source.length - from));
        }
        assertThat(bytes.toArray()).isEqualTo(source);
    }

    @ParameterizedTest
    @CsvSource({"0,10", "9,10", "10,10", "10,0", "16777216,16777216", "16777216,16777217", "16777217,16777216"})
    void noMoreIsReadThanThereIsOrIsAskedFor(int there, int limit) throws IOException {
        byte[] source = random(there);
        ByteArrayInputStream in = new ByteArrayInputStream(source);
        OffHeapBytes bytes = OffHeapBytes.read(in, limit);

        int expected = Math.min(there, limit);
        assertThat(bytes.size()).isEqualTo(expected);
        assertThat(bytes.toArray()).isEqualTo(Arrays.copyOf(source, expected));
        assertThat(in.available()).isEqualTo(there - expected);
        assertOutside(bytes, expected, 1);
    }

    @Test
    void partOfAFileIsMapped() throws IOException {
        byte[] source = random(100_000);
        Path file = Files.write(folder.resolve("file"), source);
        try (FileChannel channel = FileChannel.open(file)) {
            OffHeapBytes bytes = OffHeapBytes.map(channel, 17, 90_000);
            byte[] part = Arrays.copyOfRange(source, 17, 90_017);

            assertThat(bytes.size()).isEqualTo(90_000);
            assertThat(bytes.toArray()).isEqualTo(part);
            assertRange(bytes, part, 1_234, 4_321);
            assertOutside(bytes, 89_999, 2);
        }
    }

    @Test
    void arrayIsCopied() {
        byte[] source = {1, 2, 3};
        OffHeapBytes bytes = OffHeapBytes.of(source);
        source[0] = 9;

        assertThat(bytes.toArray()).containsExactly(1, 2, 3);
    }

    @Test
    void rangesThatAreNotAllThereAreRefused() throws IOException {
        OffHeapBytes cut = OffHeapBytes.read(new ByteArrayInputStream(random(1_000)), 5_000);
        for (OffHeapBytes bytes : new OffHeapBytes[] {OffHeapBytes.of(random(1_000)), cut}) {
            assertOutside(bytes, 1_000, 1);
            assertOutside(bytes, 999, 2);
            assertOutside(bytes, -1, 1);
            assertOutside(bytes, 0, 1_001);
            assertOutside(bytes, Long.MAX_VALUE, 1);
        }
    }

    private static void assertRange(OffHeapBytes bytes, byte[] source, int from, int count) {
        ByteBuffer target = ByteBuffer.allocate(count + 5);
        bytes.copy(from, count, target, 3);

        assertThat(Arrays.copyOfRange(target.array(), 3, count + 3))
                .as("%d bytes from %d", count, from)
                .isEqualTo(Arrays.copyOfRange(source, from, from + count));
        assertThat(target.array()).startsWith(0, 0, 0).endsWith(0, 0);
    }

    private static void assertOutside(OffHeapBytes bytes, long from, int count) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> bytes.copy(from, count, ByteBuffer.allocate(count), 0));
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }
}
