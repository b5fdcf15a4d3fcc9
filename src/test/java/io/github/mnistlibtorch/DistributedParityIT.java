package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.app.parity.CheckResult;
import io.github.mnistlibtorch.app.parity.ForkReport;
import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceComparison;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.serialization.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several processes of the packaged jar against as many of real Python, and together with them. */
@ExtendWith(LibTorchExtension.class)
@Tag("parity")
@EnabledIfEnvironmentVariable(
        named = "PYTHON_WITH_TORCH",
        matches = ".+",
        disabledReason = "PYTHON_WITH_TORCH names no Python with torch")
class DistributedParityIT {
    private static final List<String> OPTIONS =
            List.of("--schedule", "1@0.5,1@0.1", "--num-workers", "1", "--hidden-size", "64,32");

    @TempDir
    private static Path data;

    /** With 10,000 images to train on. */
    @TempDir
    private static Path small;

    @TempDir
    private Path folder;

    @BeforeAll
    static void unpack() throws IOException {
        MnistFiles.unpack(data);
        MnistFiles.unpack(small, 12_000, 2_000);
    }

    /**
     * Every number of every rank's share, and the weights at the end: bit for bit on Python's own library, and on that of the
     * jar, in float64, within 1e-9. One of them trains on all images.
     */
    @ParameterizedTest
    @CsvSource({
        "1, float64, false",
        "2, float32, true",
        "2, float64, false",
        "3, float32, false",
        "3, float64, false",
        "4, float32, false",
        "4, float64, false"
    })
    void everyRankIsThatOfDistributedDataParallel(int worldSize, String dtype, boolean onAllImages) throws IOException {
        List<String> options = new ArrayList<>(OPTIONS);
        options.addAll(List.of("--dtype", dtype, "--val-size", onAllImages ? "10000" : "2000"));
        options.addAll(List.of("--data", (onAllImages ? data : small).toString()));
        List<String> record = python("record_distributed.py");
        record.addAll(List.of("--out", "python.json.gz"));
        record.addAll(options);
        try (Ranks ranks = new Ranks(folder, worldSize)) {
            for (int rank = 0; rank < worldSize; rank++) {
                ranks.start(rank, record);
            }
            assertThat(ranks.results()).allSatisfy(DistributedParityIT::done);
        }
        train(worldSize, options, "same", Program.ON_PYTHONS_LIBRARY);
        assertEqualTraces(worldSize, "same", /* exactly= */ true);
        if (dtype.equals("float64")) {
            train(worldSize, options, "java", Map.of());
            assertEqualTraces(worldSize, "java", /* exactly= */ false);
            try (TensorScope scope = TensorScope.open()) {
                Map<String, Tensor> here = Safetensors.read(folder.resolve("rank0/mnist-run/model.safetensors"));
                Map<String, Tensor> inPython = Safetensors.read(folder.resolve("rank0/python.rank0.safetensors"));
                assertThat(here.keySet()).isEqualTo(inPython.keySet());
                here.forEach((name, tensor) -> assertThat(
                                tensor.sub(inPython.get(name)).abs().max().item_double())
                        .as(name)
                        .isCloseTo(0, within(1e-9)));
            }
        }
    }

    /** The wrapper knows nothing of the model: one with convolutions is averaged to the same bits. */
    @Test
    void convolutionalModelIsThatOfDistributedDataParallel() throws IOException {
        List<String> options =
                List.of(MnistFiles.onFew(small, "--model", "cnn", "--schedule", "1@0.1", "--num-workers", "1"));
        List<String> record = python("record_distributed.py");
        record.addAll(List.of("--out", "python.json.gz"));
        record.addAll(options);
        try (Ranks ranks = new Ranks(folder, 3)) {
            for (int rank = 0; rank < 3; rank++) {
                ranks.start(rank, record);
            }
            assertThat(ranks.results()).allSatisfy(DistributedParityIT::done);
        }
        train(3, options, "same", Program.ON_PYTHONS_LIBRARY);
        assertEqualTraces(3, "same", /* exactly= */ true);
    }

    private void train(int worldSize, List<String> options, String trace, Map<String, String> environment) {
        List<String> train = new ArrayList<>(List.of("train", "--trace", trace + ".json.gz"));
        train.addAll(options);
        try (Ranks ranks = new Ranks(folder, worldSize)) {
            environment.forEach(ranks::with);
            for (int rank = 0; rank < worldSize; rank++) {
                ranks.start(rank, train.toArray(String[]::new));
            }
            assertThat(ranks.results()).allSatisfy(DistributedParityIT::done);
        }
    }

    /** @param exactly bit for bit; otherwise within the tolerance */
    private void assertEqualTraces(int worldSize, String trace, boolean exactly) throws IOException {
        for (int rank = 0; rank < worldSize; rank++) {
            String name = "rank" + rank + "/%s.rank" + rank + ".json.gz";
            Trace python = TraceFile.read(folder.resolve(name.formatted("python")));
            Trace java = TraceFile.read(folder.resolve(name.formatted(trace)));
            assertThat(TraceComparison.isExact(python, java)).isEqualTo(exactly);
            assertThat(TraceComparison.compare(python, java, ForkReport.NONE))
                    .as("rank %d", rank)
                    .allMatch(CheckResult::passed);
        }
    }

    /** PyTorch's own launcher, which keeps the store itself. */
    @Test
    void torchrunStartsTheJar() {
        String out = folder.resolve("torchrun").toString();
        String[] train = MnistFiles.onFew(small, "train", "--schedule", "1@0.5", "--num-workers", "1", "--out", out);
        List<String> command =
                new ArrayList<>(List.of(System.getenv("PYTHON_WITH_TORCH"), "-m", "torch.distributed.run"));
        command.addAll(
                List.of("--nproc-per-node", "2", "--master-port", Integer.toString(Ranks.freePort()), "--no-python"));
        command.addAll(Program.command(List.of(), train));
        Program.Result launched = Program.run(folder, Map.of(), command);
        assertThat(launched.exitCode()).as(String.join("\n", launched.err())).isZero();
        List<Program.Result> byHand = Ranks.run(folder, 2, train);
        assertThat(launched.out()).isEqualTo(byHand.get(0).out());
    }

    /** In the first attempt rank 1 ends at once; the launcher starts all again, in the same store. */
    @Test
    void torchrunStartsTheJarAgain() throws IOException {
        Path script = Files.writeString(
                folder.resolve("fail-once.sh"),
                "[ $TORCHELASTIC_RESTART_COUNT$RANK = 01 ] && sleep 4 && kill $$\nexec \"$@\"\n");
        List<String> command =
                new ArrayList<>(List.of(System.getenv("PYTHON_WITH_TORCH"), "-m", "torch.distributed.run"));
        command.addAll(List.of("--nproc-per-node", "2", "--max-restarts", "1"));
        command.addAll(List.of("--master-port", Integer.toString(Ranks.freePort())));
        command.addAll(List.of("--no-python", "bash", script.toString()));
        command.addAll(Program.command(List.of(), MnistFiles.onFew(small, "train", "--schedule", "1@0.5")));
        Program.Result launched = Program.run(folder, Map.of(), command);
        assertThat(launched.exitCode()).as(String.join("\n", launched.err())).isZero();
        assertThat(launched.out()).last().asString().startsWith("val_acc: ");
    }

    /** A process in Java and one in Python in one group, whichever comes first. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void javaAndPythonAreRanksOfOneGroup(int rankOfJava) {
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(rankOfJava, java("io.github.mnistlibtorch.torch.distributed.InteropRank"));
            ranks.start(1 - rankOfJava, python("interop_rank.py"));
            List<Program.Result> results = ranks.results();
            assertThat(results).allSatisfy(DistributedParityIT::done);
            long sum = 3 * (300_000L * 299_999 / 2);
            for (Program.Result result : results) {
                // Added up in float32, a sum has a rounding of its own.
                assertThat(Double.parseDouble(result.out().get(0).substring("sum ".length())))
                        .isCloseTo(sum, within(sum * 1e-6));
                assertThat(result.out().subList(1, 6))
                        .containsExactly("sum " + sum, "sum " + sum, "broadcast 2.5", "broadcast 7.5", "done");
            }
        }
    }

    private static void done(Program.Result result) {
        assertThat(result.exitCode()).as(String.join("\n", result.err())).isZero();
    }

    private static List<String> python(String script) {
        return new ArrayList<>(List.of(
                System.getenv("PYTHON_WITH_TORCH"),
                Path.of("notebooks-reference", script).toAbsolutePath().toString()));
    }

    private static List<String> java(String main) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                main);
    }
}
