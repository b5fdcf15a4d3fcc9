package io.github.mnistlibtorch.app.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Traces to files and back; whatever is no trace is refused in a sentence. */
class TraceFileTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"trace.json", "trace.json.gz"})
    void traceOfPythonComesBackAsItWas(String name) throws IOException {
        Trace trace = TraceFile.read(Path.of("test-data/article-seed42-float64.json.gz"));
        Path file = folder.resolve(name);
        TraceFile.write(file, trace);
        assertThat(TraceFile.read(file)).isEqualTo(trace);
        boolean gzip = Files.readAllBytes(file)[0] == 0x1f;
        assertThat(gzip).isEqualTo(name.endsWith(".gz"));
    }

    @ParameterizedTest
    @CsvSource({
        "0x1.0000000000000p+0,1.0",
        "0x1.0p0,1.0",
        "-0x1.8000000000000p-2,-0.375",
        "0x0.0p+0,0.0",
        "-0x0.0p+0,-0.0",
        "0x1.fffffffffffffp+1023,1.7976931348623157E308",
        "0x0.0000000000001p-1022,4.9E-324"
    })
    void hexFloatsAreReadAsPythonAndJavaSpellThem(String text, double value) {
        assertThat(Double.compare(HexFloat.parse(text), value)).isZero();
        assertThat(Double.compare(HexFloat.parse(Double.toHexString(value)), value))
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1.0",
                "0x1p0",
                "0x1.0",
                "0x2.0p0",
                "0x1.0p0 ",
                "0x1.0p0f",
                "Inf",
                "0x1.00000000000000p0",
                "nan",
                "NaN",
                "inf",
                "-inf",
                "Infinity",
                "-Infinity"
            })
    void otherTextIsNoHexFloat(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> HexFloat.parse(text));
    }

    @ParameterizedTest
    @CsvSource({
        "'\"schema\": 1,','\"schema\": 3,',schema",
        "'\"schema\": 1,','\"schema\": 2,',libtorch_cpu_sha256",
        "'\"schema\": 1,','',schema",
        "'\"seed\": 42,','\"seed\": 42, \"mood\": 1,',config.mood",
        "'\"seed\": 42,','',seed",
        "'\"seed\": 42,','\"seed\": \"x\",',config.seed",
        "'\"seed\": 42,','\"seed\": null,',seed",
        "'\"seed\": 42,','\"seed\": 42, \"seed\": 43,',seed",
        "'\"hidden_size\": 32,','\"hidden_size\": 0,',config",
        "'\"dtype\": \"float32\"','\"dtype\": \"float16\"',float16",
        "'\"optimizer\": \"sgd\"','\"optimizer\": \"luck\"',luck",
        "'\"epochs\": 5,','\"epochs\": 6,',epochs",
        "'\"config\": {','\"config\": \"hello\", \"x\": {',config",
        "'\"line\": \"','\"line\": \"\\u001b[31m',more than a line",
        "'0x1.','1x1.',initial_parameters.linear1.weight.head[0]"
    })
    void badTraceIsRefusedWithItsReason(String part, String replacement, String word) throws IOException {
        Path bad = TraceText.rewrite(folder.resolve("bad.json"), part, replacement == null ? "" : replacement);
        assertRefused(bad, word);
    }

    @Test
    void traceWithANumberMissingIsRefused() throws IOException {
        String text = TraceText.read();
        String losses = text.substring(text.indexOf("\"train_losses\""));
        String loss = losses.substring(losses.indexOf('['), losses.indexOf(','));
        Path bad = Files.writeString(folder.resolve("bad.json"), text.replace(loss + ",", "["));
        assertRefused(bad, "train_losses");
        Files.writeString(bad, text.replace(loss + ",", "[null,"));
        assertRefused(bad, "train_losses");
    }

    static Stream<UnaryOperator<byte[]>> damages() {
        return Stream.of(
                bytes -> Arrays.copyOf(bytes, bytes.length / 2),
                bytes -> "Tyger Tyger, burning bright,".getBytes(StandardCharsets.UTF_8),
                bytes -> "[1, 2]".getBytes(StandardCharsets.UTF_8),
                bytes -> "{}".getBytes(StandardCharsets.UTF_8),
                bytes -> (new String(bytes, StandardCharsets.UTF_8) + "{}").getBytes(StandardCharsets.UTF_8),
                bytes -> new byte[0],
                bytes -> new String(bytes, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_16),
                bytes -> ("\ufeff" + new String(bytes, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8),
                bytes -> (" ".repeat(64_000_000) + "{}").getBytes(StandardCharsets.UTF_8),
                bytes -> "[".repeat(100_000).getBytes(StandardCharsets.UTF_8),
                bytes -> ("{\"schema\": 2, \"epochs\": [" + "1,".repeat(1_000_000) + "1]}")
                        .getBytes(StandardCharsets.UTF_8),
                bytes -> new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1});
    }

    @ParameterizedTest
    @MethodSource("damages")
    void whatIsNoTraceIsRefused(UnaryOperator<byte[]> damage) throws IOException {
        Files.write(folder.resolve("bad.json"), damage.apply(TraceText.read().getBytes(StandardCharsets.UTF_8)));
        assertRefused(folder.resolve("bad.json"), "not a usable trace");
    }

    @Test
    void gzipCutShortOrDamagedIsRefused() throws IOException {
        byte[] packed = Files.readAllBytes(TraceText.FILE);
        Files.write(folder.resolve("bad.json.gz"), Arrays.copyOf(packed, packed.length - 20));
        assertRefused(folder.resolve("bad.json.gz"), "cut short");
        packed[packed.length / 2] ^= 0x55;
        Files.write(folder.resolve("bad.json.gz"), packed);
        assertRefused(folder.resolve("bad.json.gz"), "bad.json.gz");
        Files.writeString(folder.resolve("bad.json.gz"), TraceText.read());
        assertRefused(folder.resolve("bad.json.gz"), "gzip");
    }

    @Test
    void aRunWithoutNumbersIsNotWritten() throws IOException {
        Trace trace = TraceFile.read(TraceText.FILE);
        List<Trace.Epoch> epochs = new ArrayList<>(trace.epochs());
        epochs.set(1, TraceText.withLoss(epochs.get(1), 3, Double.NaN));
        Trace diverged = TraceText.withEpochs(trace, epochs);
        Path file = folder.resolve("diverged.json");
        assertThatExceptionOfType(InputException.class)
                .isThrownBy(() -> TraceFile.write(file, diverged))
                .withMessageContainingAll(file.toString(), "NaN");
        assertThat(file).doesNotExist();
    }

    /** What would be refused when it is read is not written. */
    @Test
    void whatCanBeWrittenCanBeRead() throws IOException {
        Trace trace = TraceFile.read(TraceText.FILE);
        Path file = folder.resolve("long.json.gz");
        Trace.Epoch epoch = trace.epochs().get(0);
        assertThatExceptionOfType(InputException.class)
                .isThrownBy(() -> TraceFile.write(file, TraceText.withEpochs(trace, Collections.nCopies(1_400, epoch))))
                .withMessageContaining("is larger than can be read");
        assertThat(file).doesNotExist();
        TraceFile.write(file, TraceText.withEpochs(trace, Collections.nCopies(1_300, epoch)));
        assertRefused(file, "it has 1300 epochs, but its schedule has"); // so all of it was read
    }

    @Tag("slow")
    @Test
    void gzipBombIsRefused() throws IOException {
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(folder.resolve("bomb.json.gz")))) {
            byte[] spaces = new byte[1 << 20];
            Arrays.fill(spaces, (byte) ' ');
            for (int i = 0; i < 300; i++) {
                out.write(spaces);
            }
        }
        assertRefused(folder.resolve("bomb.json.gz"), "larger than a trace can be");
    }

    private static void assertRefused(Path file, String word) {
        assertThatExceptionOfType(InputException.class)
                .isThrownBy(() -> TraceFile.read(file))
                .withMessageContainingAll(file.toString(), word)
                .withMessageNotContaining("\n");
    }
}
