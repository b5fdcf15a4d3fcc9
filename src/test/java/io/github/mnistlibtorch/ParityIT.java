package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.parity.TraceText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code parity} and {@code train --trace} of the packaged jar. */
class ParityIT {
    private static final int RUNGS = 10;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"article-seed42-float32.json.gz", "article-seed42-float64.json.gz"})
    void tenEpochsClimbEveryRung(String name) {
        Program.Result parity = Program.run(
                folder, "parity", Path.of("test-data", name).toAbsolutePath().toString());
        assertThat(parity.exitCode()).as(String.join("\n", parity.out())).isZero();
        assertThat(parity.out()).hasSize(RUNGS + 1).endsWith("Every rung holds.");
        assertThat(parity.out().subList(0, RUNGS)).allMatch(line -> line.startsWith("ok "));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void forkIsNamedWithStepRowUnitValueAndError() {
        Program.Result parity = Program.run(
                folder,
                "parity",
                Path.of("test-data/article-seed0-float32.json.gz")
                        .toAbsolutePath()
                        .toString());
        assertThat(parity.exitCode()).isZero();
        assertThat(parity.out().get(RUNGS))
                .startsWith("ReLU fork at step 515, seen in the loss of step 516: row 60, unit 8, pre-activation ")
                .contains("rounding error of the product");
    }

    @Test
    void runOfThisProgramIsItselfBitForBit() throws IOException {
        Program.Result train = Program.run(
                folder, "train", "--schedule", "1@0.5", "--hidden-size", "16", "--seed", "5", "--trace", "a/t.json.gz");
        assertThat(train.exitCode()).as(String.join("\n", train.err())).isZero();
        Trace trace = TraceFile.read(folder.resolve("a/t.json.gz"));
        assertThat(trace.producer().implementation()).isEqualTo("java");
        assertThat(train.out()).contains(trace.epochs().get(0).line());

        Program.Result parity = Program.run(folder, "parity", "a/t.json.gz");
        assertThat(parity.exitCode()).isZero();
        assertThat(parity.out())
                .anyMatch(line -> line.startsWith("ok    step losses") && line.endsWith("all equal"))
                .anyMatch(line -> line.startsWith("ok    final parameters") && line.endsWith("equal, bit for bit"));
    }

    @Test
    void twoTracesAreComparedWithoutARun() throws IOException {
        Path other = TraceText.rewrite(folder.resolve("bad.json"), "\"next_int64\": ", "\"next_int64\": -");
        Program.Result same =
                Program.run(folder, "parity", TraceText.FILE.toString(), "--against", TraceText.FILE.toString());
        assertThat(same.exitCode()).isZero();
        assertThat(same.err()).isEmpty();
        Program.Result different =
                Program.run(folder, "parity", TraceText.FILE.toString(), "--against", other.toString());
        assertThat(different.exitCode()).isEqualTo(1);
        assertThat(different.out().get(RUNGS)).startsWith("First divergence: random generator: next int64: expected ");
    }

    @Test
    void otherDataAreSeenAndNamed() throws IOException {
        byte[] images = new byte[16 + 60_000 * 784];
        byte[] labels = new byte[8 + 60_000];
        java.nio.ByteBuffer.wrap(images).putInt(0x803).putInt(60_000).putInt(28).putInt(28);
        java.nio.ByteBuffer.wrap(labels).putInt(0x801).putInt(60_000);
        for (String part : new String[] {"train", "t10k"}) {
            Files.write(folder.resolve(part + "-images-idx3-ubyte"), images);
            Files.write(folder.resolve(part + "-labels-idx1-ubyte"), labels);
        }
        Program.Result parity = Program.run(
                folder,
                "parity",
                Path.of("test-data/article-seed7-float32.json.gz")
                        .toAbsolutePath()
                        .toString(),
                "--data",
                ".");
        assertThat(parity.exitCode()).isEqualTo(1);
        assertThat(parity.out()).anyMatch(line -> line.startsWith("First divergence: before training: val_loss: "));
    }

    @ParameterizedTest
    @CsvSource({
        "'\"seed\": 42,','\"seed\": 42, \"mood\": 1,',config.mood",
        "'\"hidden_size\": 32,','\"hidden_size\": 2147483647,',sizes",
        "'\"val_batch_size\": 256,','\"val_batch_size\": 100,',validation batches",
        "'\"val_size\": 10000,','\"val_size\": 60000,',60000"
    })
    void traceThatCannotBeRunIsRefused(String part, String replacement, String word) throws IOException {
        Path bad = TraceText.rewrite(folder.resolve("bad.json"), part, replacement);
        Program.run(folder, "parity", bad.toString()).assertRefused(word);
        assertThat(folder).isDirectoryNotContaining(file -> !file.equals(bad));
    }

    @Test
    void gzipCutShortIsRefused() throws IOException {
        byte[] packed = Files.readAllBytes(TraceText.FILE);
        Files.write(folder.resolve("bad.json.gz"), Arrays.copyOf(packed, packed.length - 20));
        Program.run(folder, "parity", "bad.json.gz").assertRefused("bad.json.gz", "cut short");
    }

    @Test
    void traceThatIsNotThereIsRefused() {
        Program.run(folder, "parity", "none.json").assertRefused("none.json");
        Program.run(folder, "parity", TraceText.FILE.toString(), "--against", "none.json")
                .assertRefused("none.json");
        Program.run(folder, "parity").assertRefused("TRACE");
    }

    @Test
    void traceThatCannotBeWrittenIsRefusedBeforeTheTraining() throws IOException {
        Files.writeString(folder.resolve("file"), "kept");
        Program.run(folder, "train", "--trace", "file/t.json").assertRefused("file", "--trace");
        Program.run(folder, "train", "--trace", "t.json", "--dry-run").assertRefused("--dry-run", "--trace");
        Program.run(folder, "train", "--trace", ".").assertRefused("--trace");
        Program.run(folder, "train", "--trace", "mnist-run/model.pt").assertRefused("mnist-run/model.pt", "--trace");
        assertThat(folder.resolve("mnist-run")).doesNotExist();
    }
}
