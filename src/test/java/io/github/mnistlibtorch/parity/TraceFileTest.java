package io.github.mnistlibtorch.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Traces to files and back; {@code ParityIT} has the files that are refused. */
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
        "0x0.0000000000001p-1022,4.9E-324",
        "nan,NaN",
        "NaN,NaN",
        "inf,Infinity",
        "-inf,-Infinity",
        "-Infinity,-Infinity"
    })
    void hexFloatsAreReadAsPythonAndJavaSpellThem(String text, double value) {
        assertThat(Double.compare(HexFloat.parse(text), value)).isZero();
        assertThat(Double.compare(HexFloat.parse(HexFloat.format(value)), value))
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "1.0", "0x1p0", "0x1.0", "0x2.0p0", "0x1.0p0 ", "0x1.0p0f", "Inf", "0x1.00000000000000p0"})
    void otherTextIsNoHexFloat(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> HexFloat.parse(text));
    }
}
