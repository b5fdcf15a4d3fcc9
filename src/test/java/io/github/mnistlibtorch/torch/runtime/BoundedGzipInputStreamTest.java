package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.torch.vision.IdxReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BoundedGzipInputStreamTest {
    private static final int MEBIBYTE = 1 << 20;

    @TempDir
    Path folder;

    @Test
    void sixtyFourMebibytesMayBeBlank() throws IOException {
        assertThat(unpackedSize(packed(new byte[0], 64 * MEBIBYTE, false))).isEqualTo(64 * MEBIBYTE);
    }

    @Tag("slow")
    @Test
    void moreMayNot() throws IOException {
        byte[] bomb = packed(new byte[0], 65 * MEBIBYTE, false);
        assertThat(bomb.length).isLessThan(MEBIBYTE / 10);
        assertThatThrownBy(() -> unpackedSize(bomb))
                .isInstanceOf(ZipException.class)
                .hasMessage("they unpack to more than 200 times their size");
    }

    @Tag("slow")
    @Test
    void moreMayBeAsRegularAsPicturesAre() throws IOException {
        byte[] packed = packed(new byte[0], 80 * MEBIBYTE, true);
        assertThat(packed.length).isBetween(80 * MEBIBYTE / 100, 80 * MEBIBYTE / 10);
        assertThat(unpackedSize(packed)).isEqualTo(80 * MEBIBYTE);
    }

    @Test
    void bytesCanBeReadOneByOneAndSkipped() throws IOException {
        byte[] packed = packed(new byte[] {1, 2, 3, 4, (byte) 255}, 0, false);
        try (InputStream in = BoundedGzipInputStream.open(new ByteArrayInputStream(packed), 512)) {
            assertThat(in.read()).isEqualTo(1);
            assertThat(in.skip(-1)).isZero();
            assertThat(in.skip(2)).isEqualTo(2);
            assertThat(in.read()).isEqualTo(4);
            assertThat(in.read()).isEqualTo(255);
            assertThat(in.read()).isEqualTo(-1);
        }
    }

    /** As {@code gzip.decompress} takes them; Java's own stream calls itself for each member that is empty. */
    @Test
    void membersMayBeManyAndEmpty() throws IOException {
        byte[] empty = packed(new byte[0], 0, false);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        for (int i = 0; i < 100_000; i++) {
            packed.write(empty);
        }
        packed.write(packed(new byte[] {1, 2}, 0, false));
        packed.write(packed(new byte[] {3}, 0, false));
        try (InputStream in = BoundedGzipInputStream.open(new ByteArrayInputStream(packed.toByteArray()), 512)) {
            assertThat(in.readAllBytes()).containsExactly(1, 2, 3);
        }
    }

    /** As {@code gzip.decompress}: zeros fill a block of a tape, and anything else is an error. */
    @Test
    void onlyZerosMayFollow() throws IOException {
        byte[] packed = packed(new byte[] {7}, 0, false);
        assertThat(unpackedSize(Arrays.copyOf(packed, packed.length + 1_000))).isEqualTo(1);
        byte[] garbage = Arrays.copyOf(packed, packed.length + 1_000);
        garbage[packed.length + 900] = 'x';
        assertThatThrownBy(() -> unpackedSize(garbage)).isInstanceOf(ZipException.class);
        byte[] halfAHeader = Arrays.copyOf(packed, packed.length + 1);
        halfAHeader[packed.length] = 0x1f;
        assertThatThrownBy(() -> unpackedSize(halfAHeader)).isInstanceOf(EOFException.class);
    }

    @Test
    void everyBitOfTheTrailerCountsAndEveryByteIsNeeded() throws IOException {
        byte[] packed = packed(new byte[] {1, 2, 3, 4, 5}, 0, false);
        for (int bit = (packed.length - 8) * Byte.SIZE; bit < packed.length * Byte.SIZE; bit++) {
            byte[] damaged = packed.clone();
            damaged[bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
            assertThatThrownBy(() -> unpackedSize(damaged)).isInstanceOf(ZipException.class);
        }
        for (int length = 0; length < packed.length; length++) {
            byte[] cut = Arrays.copyOf(packed, length);
            assertThatThrownBy(() -> unpackedSize(cut)).isInstanceOf(EOFException.class);
        }
    }

    /** With extra bytes, a name, a comment and a checksum of the header: RFC 1952. */
    @Test
    void headersMayHaveAllThatTheFormatKnows() throws IOException {
        byte[] plain = packed(new byte[] {9}, 0, false);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        packed.write(new byte[] {0x1f, (byte) 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, 'a', 'b', 'n', 0, 'c', 0, 1, 2});
        packed.write(plain, 10, plain.length - 10);
        assertThat(unpackedSize(packed.toByteArray())).isEqualTo(1);
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"pictures.gz", "trace.json.gz"})
    void everyReaderRefusesTheBombInASentence(String name) throws IOException {
        byte[] header = ByteBuffer.allocate(16)
                .putInt(0x803)
                .putInt(130_000)
                .putInt(28)
                .putInt(28)
                .array();
        Path file = Files.write(folder.resolve(name), packed(header, 130_000 * 28 * 28, false));
        assertThatThrownBy(() -> {
                    if (name.startsWith("trace")) {
                        TraceFile.read(file);
                    } else {
                        IdxReader.read(file).close();
                    }
                })
                .isInstanceOf(InputException.class)
                .hasMessageContaining(name)
                .hasMessageContaining(name.startsWith("trace") ? "not UTF-8" : "they unpack to more than 200 times");
    }

    /** @param drawn whether one byte in a hundred is not zero */
    private static byte[] packed(byte[] start, int zeros, boolean drawn) throws IOException {
        byte[] piece = new byte[MEBIBYTE];
        Random random = new Random(1);
        for (int i = 0; drawn && i < piece.length; i += 100) {
            piece[i] = (byte) random.nextInt();
        }
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(start);
            for (int left = zeros; left > 0; left -= piece.length) {
                gzip.write(piece, 0, Math.min(left, piece.length));
            }
        }
        return packed.toByteArray();
    }

    private static long unpackedSize(byte[] packed) throws IOException {
        try (InputStream in = BoundedGzipInputStream.open(new ByteArrayInputStream(packed), 1 << 16)) {
            return in.transferTo(OutputStream.nullOutputStream());
        }
    }
}
