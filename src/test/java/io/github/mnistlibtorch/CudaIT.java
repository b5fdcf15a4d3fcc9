package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mnistlibtorch.Program.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The packaged jar on a GPU, after {@code mvn -Pcuda package}. */
@Tag("cuda")
class CudaIT {
    private static final Map<String, String> GPU = Map.of("CUDA_VISIBLE_DEVICES", "0");

    @TempDir
    private Path folder;

    @BeforeAll
    static void thereIsAGpu(@TempDir Path folder) {
        String cuda = Program.run(folder, GPU, "info").out().stream()
                .filter(line -> line.startsWith("cuda: "))
                .findFirst()
                .orElseThrow();
        assumeTrue(cuda.startsWith("cuda: cuda:"), cuda);
    }

    /** Split, weights, batches and generator to the bit; losses within the tolerances that hold on the CPU. */
    @ParameterizedTest
    @ValueSource(strings = {"float32", "float64"})
    void everyRungHoldsOnTheGpu(String dtype) {
        Path trace = Path.of("test-data/article-seed42-" + dtype + ".json.gz").toAbsolutePath();
        Result parity = run("parity", trace.toString(), "--device", "cuda");
        assertThat(parity.out()).as(parity.err().toString()).last().isEqualTo("Every rung holds.");
    }

    @Test
    void whatWasTrainedOnTheGpuIsReadOnTheCpu() {
        Result train = run("train", "--device", "cuda:0", "--schedule", "2@0.5");
        assertThat(train.out()).contains("device(type='cuda', index=0)", "cuda:0");

        Result evaluate = Program.run(folder, "evaluate", "--model", "mnist-run/model.pt", "--device", "cpu");
        assertThat(evaluate.exitCode()).isZero();
    }

    /** With an optimizer that has a state, of which some is on the GPU; the run is cut off after its first epoch. */
    @Test
    void anInterruptedRunGoesOnOnTheGpu() throws IOException {
        String[] options = {"train", "--device", "cuda:0", "--optimizer", "adam", "--schedule", "3@0.001"};
        Result whole = run(options);
        // The checkpoint after the second of three epochs; that after the third takes its place as the last.
        Path checkpoint = folder.resolve("mnist-run/checkpoint.previous.pt");
        Path alone = Files.createDirectory(folder.resolve("again")).resolve("checkpoint.pt");
        Files.copy(checkpoint, alone);

        Result resumed = run("train", "--resume", alone.toString());
        assertThat(resumed.out()).isEqualTo(whole.out());
        assertThat(resumed.err()).anyMatch(line -> line.startsWith("Going on after 2 of 3 epochs"));
    }

    @Test
    void aGpuThatDoesNotExistIsRefusedByListingThoseThatDo() {
        run("train", "--device", "cuda:15").assertRefused("there is no cuda:15 to be used; there is cuda:0 (");
    }

    @Test
    void hiddenGpusAreToldFromNone() {
        assertThat(Program.run(folder, "info").out())
                .contains("cuda: not used: the NVIDIA driver shows no GPU with CUDA_VISIBLE_DEVICES=-1; unset it to see"
                        + " all there are");
    }

    private Result run(String... arguments) {
        return Program.run(folder, GPU, arguments);
    }
}
