package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.torch.vision.IdxReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
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
                .hasMessageContaining("they unpack to more than 200 times their size");
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
