package io.github.mnistlibtorch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.libtorch.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class IdxReaderTest {
    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        LibTorch.start();
    }

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
        try (Scope scope = Scope.open()) {
            Tensor tensor = IdxReader.read(file);
            assertThat(VisionValues.dtype(tensor))
                    .isEqualTo(recorded.get("dtype").asString());
            assertThat(VisionValues.shape(tensor)).isEqualTo(VisionValues.longs(recorded.get("shape")));
            assertThat(VisionValues.values(tensor)).isEqualTo(VisionValues.doubles(recorded.get("values")));
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
                    .hasMessageContaining(file.toString());
        }
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
        Path file = Files.write(folder.resolve("bomb"), bytes.toByteArray());
        assertThatThrownBy(() -> IdxReader.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("goes on behind the 5 bytes");
    }

    static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        }
        return bytes.toByteArray();
    }
}
