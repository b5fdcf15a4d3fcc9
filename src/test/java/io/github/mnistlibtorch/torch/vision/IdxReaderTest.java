package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

@ExtendWith(LibTorchExtension.class)
class IdxReaderTest {
    @TempDir
    private Path folder;

    static Stream<JsonNode> recorded() {
        return VisionValues.recorded("idx").valueStream();
    }

    @ParameterizedTest
    @MethodSource("recorded")
    void readsWhatTorchvisionReadsAndRefusesTheRest(JsonNode recorded) throws IOException {
        byte[] content = HexFormat.of().parseHex(recorded.get("hex").asString());
        compare(recorded, Files.write(folder.resolve("raw"), content));
        compare(recorded, Files.write(folder.resolve("packed"), gzip(content)));
    }

    private static void compare(JsonNode recorded, Path file) throws IOException {
        if (recorded.has("raises")) {
            assertThatThrownBy(() -> IdxReader.read(file))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining(file.toString())
                    .message()
                    .doesNotContain("\n");
            return;
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = IdxReader.read(file);
            assertThat(VisionValues.dtype(tensor))
                    .isEqualTo(recorded.get("dtype").asString());
            assertThat(VisionValues.shape(tensor)).isEqualTo(VisionValues.longs(recorded.get("shape")));
            assertThat(VisionValues.values(tensor)).isEqualTo(VisionValues.doubles(recorded.get("values")));
        }
    }

    @Test
    void everyElementOfALongFileIsInItsPlace() throws IOException {
        int count = 1_234_567;
        ByteBuffer content = ByteBuffer.allocate(8 + 4 * count).putInt(0xc01).putInt(count);
        for (int i = 0; i < count; i++) {
            content.putInt(i * 31);
        }
        Path file = Files.write(folder.resolve("long"), content.array());
        try (Tensor tensor = IdxReader.read(file);
                IntPointer values = tensor.data_ptr_int()) {
            int[] read = new int[count];
            values.get(read);
            assertThat(read)
                    .isEqualTo(IntStream.range(0, count).map(i -> i * 31).toArray());
        }
    }

    @Test
    void fileThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> IdxReader.read(folder.resolve("nowhere")))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("nowhere");
    }

    @Test
    void folderIsNoFile() {
        assertThatThrownBy(() -> IdxReader.read(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(folder.toString());
    }

    @Test
    void gzipCutAnywhereIsRefused() throws IOException {
        byte[] packed = gzip(HexFormat.of().parseHex("00000801000000050102030405"));
        for (int length = 2; length < packed.length; length++) {
            Path file = Files.write(folder.resolve("cut" + length), Arrays.copyOf(packed, length));
            assertThatThrownBy(() -> IdxReader.read(file))
                    .as("the first %d bytes", length)
                    .isInstanceOf(InputException.class)
                    .hasMessageContainingAll(file.toString(), "cut short");
        }
    }

    @Test
    void gzipCutWithinItsFirstTwoBytesIsRefused() throws IOException {
        Path file = Files.write(folder.resolve("cut"), new byte[] {0x1f});
        assertThatThrownBy(() -> IdxReader.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(file.toString());
    }

    @Test
    void gzipWithDamagedDataIsRefused() throws IOException {
        byte[] packed = gzip(HexFormat.of().parseHex("00000801000000050102030405"));
        // The first byte behind gzip's header: a block of the type that does not exist.
        packed[10] |= 0b110;
        Path file = Files.write(folder.resolve("damaged"), packed);
        assertThatThrownBy(() -> IdxReader.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContainingAll(file.toString(), "damaged")
                .message()
                .doesNotContain("\n");
    }

    @Test
    void gzipWithAWrongChecksumIsRefused() throws IOException {
        byte[] packed = gzip(HexFormat.of().parseHex("00000801000000050102030405"));
        packed[packed.length - 6] ^= 1;
        Path file = Files.write(folder.resolve("changed"), packed);
        assertThatThrownBy(() -> IdxReader.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(file.toString());
    }

    @Test
    void noMoreIsUnpackedThanTheHeaderAnnounces() throws IOException {
        // 200 MB of zeros in 200 KB, behind a header that announces five bytes.
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(HexFormat.of().parseHex("0000080100000005"));
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 200; i++) {
                out.write(zeros);
            }
        }
        ByteArrayInputStream packed = new ByteArrayInputStream(bytes.toByteArray());
        assertThatThrownBy(() -> IdxReader.readContent(packed, "bomb"))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("bomb goes on behind the 5 bytes");
        assertThat(packed.available()).as("left unread").isPositive();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0000080140000001", // one byte more than is ever read
                "00000801ffffffff", // negative as an int
                "0000080300010000000100000000ffff", // 2^48, which is 0 as an int
                "00000e0120000000", // 2^29 doubles: 2^32 bytes
            })
    void moreThanAGibibyteIsRefusedBeforeAnyDataAreRead(String header) throws IOException {
        byte[] content = HexFormat.of().parseHex(header + "00");
        ByteArrayInputStream packed = new ByteArrayInputStream(gzip(content));
        for (InputStream in : List.of(new ByteArrayInputStream(content), packed)) {
            assertThatThrownBy(() -> IdxReader.readContent(in, "tiny"))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("tiny announces more than");
        }
    }

    @Test
    void aGibibyteThatIsNotThereIsNeverTakenFromMemory() {
        byte[] content = HexFormat.of().parseHex("000008014000000001");
        ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = memory.getCurrentThreadAllocatedBytes();
        assertThatThrownBy(() -> IdxReader.readContent(new ByteArrayInputStream(content), "tiny"))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("tiny is cut short: its header announces 1073741824 bytes of data, 1 are there");
        assertThat(memory.getCurrentThreadAllocatedBytes() - before).isLessThan(100 << 20);
    }

    static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        }
        return bytes.toByteArray();
    }
}
