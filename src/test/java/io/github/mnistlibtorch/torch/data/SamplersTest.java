package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static io.github.mnistlibtorch.torch.data.Fixtures.SEED;
import static io.github.mnistlibtorch.torch.data.Fixtures.listOf;
import static io.github.mnistlibtorch.torch.data.Fixtures.wordsTakenBy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Generator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The samplers that are too small for a test class each. */
@ExtendWith(LibTorchExtension.class)
class SamplersTest {
    private static final int[] INDICES = {3, 1, 4, 15, 9, 2, 6};
    private static final double[] WEIGHTS = {0.1, 0.9, 0.4, 0.7, 3.0, 0.6};

    @Test
    void sequentialSamplerCountsAndDrawsNothing() {
        AtomicInteger size = new AtomicInteger(3);
        SequentialSampler sampler = new SequentialSampler(size::get);
        size.set(4);

        assertThat(sampler.size()).isEqualTo(4);
        assertThat(listOf(sampler)).containsExactly(0, 1, 2, 3);
        assertThat(wordsTakenBy(() -> listOf(sampler)))
                .isEqualTo(recorded("samplers", "words", "sequential, one visit"));
    }

    @Test
    void samplerOfACollectionKeepsItsOrder() {
        Sampler<Integer> sampler = Sampler.of(List.of(4, 2, 4));

        assertThat(listOf(sampler)).containsExactly(4, 2, 4);
        assertThat(sampler.size()).isEqualTo(3);
    }

    @Test
    void samplerThatDoesNotKnowItsLengthSaysSo() {
        Sampler<Integer> sampler = List.of(1).stream()::iterator;

        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(sampler::size)
                .withMessageMatching("object of type '.*' has no len\\(\\)");
    }

    @Test
    void subsetRandomSamplerPermutesWithTheDefaultGeneratorItself() {
        TorchRandom.manualSeed(SEED);
        SubsetRandomSampler sampler = new SubsetRandomSampler(INDICES, null);

        assertThat(listOf(sampler)).isEqualTo(recorded("samplers", "subset random"));
        assertThat(sampler.size()).isEqualTo(INDICES.length);
    }

    @Test
    void subsetRandomSamplerPermutesWithItsGenerator() {
        try (Generator generator = TorchRandom.newGenerator(7)) {
            assertThat(listOf(new SubsetRandomSampler(INDICES, generator)))
                    .isEqualTo(recorded("samplers", "subset random, generator 7"));
        }
    }

    @Test
    void subsetRandomSamplerDrawsWhenTheFirstIndexIsAskedFor() {
        SubsetRandomSampler sampler = new SubsetRandomSampler(new int[10], null);

        assertThat(wordsTakenBy(() -> {
                    Iterator<Integer> unused = sampler.iterator();
                }))
                .isEqualTo(recorded("samplers", "words", "subset random, iterator only"));
        assertThat(wordsTakenBy(() -> sampler.iterator().next()))
                .isEqualTo(recorded("samplers", "words", "subset random, first index"));
    }

    @Test
    void weightedSamplerDrawsTheIndicesOfPython() {
        TorchRandom.manualSeed(SEED);
        assertThat(listOf(new WeightedRandomSampler(WEIGHTS, 5, true, null)))
                .isEqualTo(recorded("samplers", "weighted"));

        TorchRandom.manualSeed(SEED);
        assertThat(listOf(new WeightedRandomSampler(WEIGHTS, 5, false, null)))
                .isEqualTo(recorded("samplers", "weighted without replacement"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void weightedSamplerRepeatsItselfForTheSameSeed(boolean replacement) {
        try (Generator one = TorchRandom.newGenerator(3);
                Generator two = TorchRandom.newGenerator(3)) {
            assertThat(listOf(new WeightedRandomSampler(WEIGHTS, 5, replacement, one)))
                    .hasSize(5)
                    .isEqualTo(listOf(new WeightedRandomSampler(WEIGHTS, 5, replacement, two)));
        }
    }

    @Test
    void weightedSamplerNeedsSomethingToDraw() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new WeightedRandomSampler(WEIGHTS, 0, true, null))
                .withMessage(recordedMessage("samplers", "weighted, num_samples 0"));
    }
}
