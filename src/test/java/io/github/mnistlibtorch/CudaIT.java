package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mnistlibtorch.Program.Result;
import java.nio.file.Path;
import java.util.List;
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
    @TempDir
    private Path folder;

    @BeforeAll
    static void thereIsAGpu(@TempDir Path folder) {
        String cuda = Program.run(folder, "info").out().stream()
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
        Result parity = Program.run(folder, "parity", trace.toString(), "--device", "cuda");
        assertThat(parity.out()).as(parity.err().toString()).last().isEqualTo("Every rung holds.");
    }

    @Test
    void whatWasTrainedOnTheGpuIsReadOnTheCpu() {
        Result train = Program.run(folder, "train", "--device", "cuda:0", "--schedule", "2@0.5");
        assertThat(train.out()).contains("device(type='cuda', index=0)", "cuda:0");

        Result evaluate = Program.run(folder, "evaluate", "--model", "mnist-run/model.pt", "--device", "cpu");
        assertThat(evaluate.exitCode()).isZero();
        Result resume = Program.run(folder, "train", "--resume", "mnist-run/checkpoint.pt");
        assertThat(resume.out()).isEqualTo(train.out());
    }

    @Test
    void aGpuThatDoesNotExistIsRefusedByListingThoseThatDo() {
        Program.run(folder, "train", "--device", "cuda:15")
                .assertRefused("there is no cuda:15 to be used; there is cuda:0 (");
    }

    @Test
    void hiddenGpusAreToldFromNone() {
        Result info = Program.run(folder, Map.of("CUDA_VISIBLE_DEVICES", "-1"), Program.command(List.of(), "info"));
        assertThat(info.out()).contains("cuda: not used: CUDA_VISIBLE_DEVICES=-1 hides every GPU; unset it");
    }
}
