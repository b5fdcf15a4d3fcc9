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
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Generator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class RandomSamplerTest {
    @ParameterizedTest
    @ValueSource(ints = {5, 9, 10, 11, 20, 25})
    void drawsTheIndicesOfPython(int samples) {
        TorchRandom.manualSeed(SEED);

        assertThat(listOf(new RandomSampler(() -> 10, false, samples, null)))
                .isEqualTo(recorded("samplers", "random", Integer.toString(samples)));
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 32, 40, 64})
    void drawsTheIndicesOfPythonWithReplacement(int samples) {
        TorchRandom.manualSeed(SEED);

        assertThat(listOf(new RandomSampler(() -> 10, true, samples, null)))
                .isEqualTo(recorded("samplers", "random with replacement", Integer.toString(samples)));
    }

    @Test
    void ownGeneratorLosesAPermutationNobodySeesAtTheEndOfAVisit() {
        try (Generator generator = TorchRandom.newGenerator(7)) {
            Sampler<Integer> sampler = new RandomSampler(() -> 10, false, null, generator);

            assertThat(List.of(listOf(sampler), listOf(sampler)))
                    .isEqualTo(recorded("samplers", "random, generator 7, two visits"));
        }
    }

    @Test
    void ownGeneratorIsDrawnFromInChunksWithReplacement() {
        try (Generator generator = TorchRandom.newGenerator(7)) {
            Sampler<Integer> sampler = new RandomSampler(() -> 10, true, 40, generator);

            assertThat(List.of(listOf(sampler), listOf(sampler)))
                    .isEqualTo(recorded("samplers", "random with replacement 40, generator 7, two visits"));
        }
    }

    @Test
    void seedIsDrawnWhenTheFirstIndexIsAskedFor() {
        RandomSampler sampler = new RandomSampler(() -> 10);

        assertThat(wordsTakenBy(() -> {
                    Iterator<Integer> unused = sampler.iterator();
                }))
                .isEqualTo(recorded("samplers", "words", "random, iterator only"));
        assertThat(wordsTakenBy(() -> sampler.iterator().next()))
                .isEqualTo(recorded("samplers", "words", "random, first index"));
        assertThat(wordsTakenBy(() -> listOf(sampler))).isEqualTo(recorded("samplers", "words", "random, one visit"));
    }

    @Test
    void replacementTakesNoMoreWords() {
        assertThat(wordsTakenBy(() -> listOf(new RandomSampler(() -> 10, true, 40, null))))
                .isEqualTo(recorded("samplers", "words", "random with replacement, one visit"));
    }

    @Test
    void everyIndexComesOnce() {
        assertThat(listOf(new RandomSampler(() -> 100)))
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 100).boxed().toList());
    }

    @Test
    void twiceAsManySamplesGiveEveryIndexTwice() {
        List<Integer> indices = listOf(new RandomSampler(() -> 100, false, 200, null));

        assertThat(IntStream.range(0, 100)).allMatch(index -> Collections.frequency(indices, index) == 2);
    }

    @Test
    void oneSampleMoreRepeatsOneIndexAndOneLessRepeatsNone() {
        List<Integer> more = listOf(new RandomSampler(() -> 100, false, 101, null));
        List<Integer> less = listOf(new RandomSampler(() -> 100, false, 99, null));

        assertThat(more).hasSize(101);
        assertThat(new HashSet<>(more)).hasSize(100);
        assertThat(less).hasSize(99).doesNotHaveDuplicates();
    }

    @Test
    void replacementRepeatsAtLeastOneOfMoreSamplesThanIndices() {
        RandomSampler sampler = new RandomSampler(() -> 100, true, 101, null);
        List<Integer> indices = listOf(sampler);

        assertThat(sampler.size()).isEqualTo(101);
        assertThat(indices).hasSize(101).allMatch(index -> index >= 0 && index < 100);
        assertThat(new HashSet<>(indices)).hasSizeLessThan(101);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void sameSeedOfItsGeneratorGivesTheSameSequence(boolean replacement) {
        try (Generator one = TorchRandom.newGenerator(3);
                Generator two = TorchRandom.newGenerator(3)) {
            assertThat(listOf(new RandomSampler(() -> 10, replacement, null, one)))
                    .isEqualTo(listOf(new RandomSampler(() -> 10, replacement, null, two)));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void sameSeedOfTheDefaultGeneratorGivesTheSameSequence(boolean replacement) {
        RandomSampler sampler = new RandomSampler(() -> 100, replacement, null, null);
        TorchRandom.manualSeed(0);
        List<Integer> first = listOf(sampler);
        List<Integer> other = listOf(sampler);
        TorchRandom.manualSeed(0);

        assertThat(listOf(sampler)).isEqualTo(first).isNotEqualTo(other);
    }

    @Test
    void datasetMayGrowBetweenVisits() {
        AtomicInteger size = new AtomicInteger(3);
        RandomSampler sampler = new RandomSampler(size::get);
        size.set(5);

        assertThat(sampler.size()).isEqualTo(5);
        assertThat(listOf(sampler)).containsExactlyInAnyOrder(0, 1, 2, 3, 4);
    }

    @Test
    void nothingToDrawIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new RandomSampler(() -> 0))
                .withMessage(recordedMessage("samplers", "random of nothing"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new RandomSampler(() -> 10, false, 0, null))
                .withMessage(recordedMessage("samplers", "random, num_samples 0"));
    }

    @Test
    void visitThatIsOverHasNoNext() {
        var visit = new RandomSampler(() -> 1).iterator();
        visit.next();

        assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(visit::next);
    }
}
