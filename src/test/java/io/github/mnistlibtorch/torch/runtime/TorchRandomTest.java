package io.github.mnistlibtorch.torch.runtime;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Generator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LibTorchExtension.class)
class TorchRandomTest {
    private static final long SEED = 42;
    private static final double[] WEIGHTS = {0.1, 0.0, 0.4, 0.5};

    @BeforeEach
    void seed() {
        TorchRandom.manualSeed(SEED);
    }

    @Test
    void wholeNumbersArePythons() {
        assertThat(Stream.generate(() -> TorchRandom.nextInt64(null)).limit(5).toList())
                .isEqualTo(recorded("random numbers", "int64"));
    }

    @Test
    void permutationsArePythons() {
        assertThat(list(TorchRandom.randperm(10, null))).isEqualTo(recorded("random numbers", "randperm(10)"));
        try (Generator generator = TorchRandom.newGenerator(1)) {
            assertThat(list(TorchRandom.randperm(10, generator)))
                    .isEqualTo(recorded("random numbers", "randperm(10), generator 1"));
        }
    }

    @Test
    void boundedNumbersArePythons() {
        assertThat(list(TorchRandom.randint(10, 40, null))).isEqualTo(recorded("random numbers", "randint(10, 40)"));
    }

    @Test
    void weightedDrawsArePythons() {
        assertThat(list(TorchRandom.multinomial(WEIGHTS, 3, false, null)))
                .isEqualTo(recorded("random numbers", "multinomial, 3 of 4 without replacement"));
        TorchRandom.manualSeed(SEED);
        assertThat(list(TorchRandom.multinomial(WEIGHTS, 12, true, null)))
                .isEqualTo(recorded("random numbers", "multinomial, 12 of 4 with replacement"));
    }

    @Test
    void weightsThatCannotBeDrawnFromAreRefusedInTheWordsOfLibTorch() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TorchRandom.multinomial(WEIGHTS, 5, false, null))
                .withMessage(recordedMessage("random numbers", "multinomial, 5 of 4 without replacement"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TorchRandom.multinomial(new double[] {-0.1, 0.4}, 1, true, null))
                .withMessage(recordedMessage("random numbers", "multinomial, negative weight"));
    }

    /** The words are those of torch 2.13 in Python. */
    @Test
    void noWeightsAreRefusedInTheWordsOfLibTorchToo() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TorchRandom.multinomial(new double[0], 1, true, null))
                .withMessage(
                        "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
    }

    @Test
    void onlyTheLowHalfOfASeedMatters() {
        try (Generator generator = TorchRandom.newGenerator((1L << 32) + SEED)) {
            assertThat(list(TorchRandom.randperm(10, generator)))
                    .isEqualTo(recorded("random numbers", "seed 2^32 + 42"))
                    .isEqualTo(recorded("random numbers", "randperm(10)"));
        }
    }

    @Test
    void ownGeneratorLeavesTheDefaultOneAlone() {
        try (Generator generator = TorchRandom.newGenerator(1)) {
            TorchRandom.randperm(10, generator);
            TorchRandom.randint(10, 10, generator);
            TorchRandom.multinomial(WEIGHTS, 2, true, generator);
            TorchRandom.nextInt64(generator);
        }

        assertThat(List.of(TorchRandom.nextInt64(null))).isEqualTo(firstOf(recorded("random numbers", "int64")));
    }

    @Test
    void nothingToDrawIsAnEmptyArray() {
        assertThat(TorchRandom.randperm(0, null)).isEmpty();
        assertThat(TorchRandom.randint(10, 0, null)).isEmpty();
    }

    @Test
    void drawsLeaveNoNativeMemoryBehind() {
        drawOnce();
        long before = LeakCheck.settled();
        for (int i = 0; i < 100; i++) {
            drawOnce();
        }

        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
    }

    private static void drawOnce() {
        TorchRandom.nextInt64(null);
        TorchRandom.randperm(10, null);
        TorchRandom.randint(10, 10, null);
        TorchRandom.multinomial(WEIGHTS, 2, true, null);
        try (Generator generator = TorchRandom.newGenerator(1)) {
            TorchRandom.nextInt64(generator);
        }
    }

    private static List<Integer> list(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    private static List<?> firstOf(Object list) {
        return ((List<?>) list).subList(0, 1);
    }
}
