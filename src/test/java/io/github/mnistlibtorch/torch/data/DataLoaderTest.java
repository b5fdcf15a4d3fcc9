package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.Fixtures.SEED;
import static io.github.mnistlibtorch.torch.data.Fixtures.items;
import static io.github.mnistlibtorch.torch.data.Fixtures.listOf;
import static io.github.mnistlibtorch.torch.data.Fixtures.lists;
import static io.github.mnistlibtorch.torch.data.Fixtures.range;
import static io.github.mnistlibtorch.torch.data.Fixtures.wordsTakenBy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a pass gives and draws, with and without workers. */
@ExtendWith(LibTorchExtension.class)
class DataLoaderTest {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4})
    void shuffledEpochsAreThoseOfPythonWhateverTheNumberOfWorkers(int workers) {
        TorchRandom.manualSeed(SEED);
        DataLoader<List<Integer>> loader =
                lists(range(10)).batchSize(4).shuffle(true).numWorkers(workers).build();

        assertThat(List.of(listOf(loader), listOf(loader), listOf(loader)))
                .isEqualTo(recorded("loader streams", "seed 42, shuffle, batch 4"));
    }

    @Test
    void persistentWorkersDrawNoBaseSeedAfterTheFirstEpochSoOrdersDiffer() {
        TorchRandom.manualSeed(SEED);
        try (DataLoader<List<Integer>> loader = lists(range(10))
                .batchSize(4)
                .shuffle(true)
                .numWorkers(2)
                .persistentWorkers(true)
                .build()) {
            assertThat(List.of(listOf(loader), listOf(loader), listOf(loader)))
                    .isEqualTo(recorded("loader streams", "seed 42, shuffle, batch 4, persistent"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void ownGeneratorGivesBaseSeedOrderAndThePermutationNobodySees(int workers) {
        String suffix = workers == 0 ? "" : ", 2 workers";
        try (Generator generator = TorchRandom.newGenerator(7)) {
            DataLoader<List<Integer>> loader = lists(range(10))
                    .batchSize(4)
                    .shuffle(true)
                    .generator(generator)
                    .numWorkers(workers)
                    .build();

            assertThat(List.of(listOf(loader), listOf(loader)))
                    .isEqualTo(recorded("loader streams", "generator 7, batch 4" + suffix));
        }
    }

    @Test
    void ownGeneratorIsInTheSamePlaceWhenTheLastBatchIsFull() {
        try (Generator generator = TorchRandom.newGenerator(7)) {
            DataLoader<List<Integer>> loader = lists(range(10))
                    .batchSize(5)
                    .shuffle(true)
                    .generator(generator)
                    .build();

            assertThat(List.of(listOf(loader), listOf(loader)))
                    .isEqualTo(recorded("loader streams", "generator 7, batch 5"));
        }
    }

    @Test
    void earlyStopSkipsThePermutationNobodySees() {
        try (Generator generator = TorchRandom.newGenerator(7)) {
            DataLoader<List<Integer>> loader = lists(range(10))
                    .batchSize(4)
                    .shuffle(true)
                    .generator(generator)
                    .build();

            assertThat(List.of(first(loader), first(loader)))
                    .isEqualTo(recorded("loader streams", "generator 7, batch 4, first batch only"));
        }
    }

    private static List<List<Integer>> first(DataLoader<List<Integer>> loader) {
        try (var batches = loader.iterator()) {
            return List.of(batches.next());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void listenerIsToldTheIndicesOfEachBatchInOrder(int workers) {
        List<List<Integer>> told = new ArrayList<>();
        Thread training = Thread.currentThread();
        DataLoader<List<Integer>> loader = lists(range(10))
                .batchSize(4)
                .shuffle(true)
                .numWorkers(workers)
                .onIndices(indices -> {
                    assertThat(Thread.currentThread()).isSameAs(training);
                    told.add(IntStream.of(indices).boxed().toList());
                })
                .build();

        assertThat(loader.size()).isEqualTo(3);
        assertThat(listOf(loader)).isEqualTo(told).hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void passesTakeAsManyWordsAsPython(int workers) {
        UnaryOperator<DataLoader.Builder<List<Integer>>> sequential = builder -> builder;
        UnaryOperator<DataLoader.Builder<List<Integer>>> shuffled = builder -> builder.shuffle(true);

        assertWords(workers, "constructor, shuffle", 0, 9, shuffled);
        assertWords(workers, "iterator, sequential", 1, 0, sequential);
        assertWords(workers, "iterator, shuffle", 1, 0, shuffled);
        assertWords(workers, "one batch, shuffle", 1, 1, shuffled);
        assertWords(workers, "1 epoch, sequential", 1, 9, sequential);
        assertWords(workers, "1 epoch, shuffle", 1, 9, shuffled);
        assertWords(workers, "3 epochs, sequential", 3, 9, sequential);
        assertWords(workers, "3 epochs, shuffle", 3, 9, shuffled);
        try (Generator generator = TorchRandom.newGenerator(1)) {
            assertWords(
                    workers,
                    "3 epochs, shuffle, own generator",
                    3,
                    9,
                    builder -> builder.shuffle(true).generator(generator));
        }
    }

    @Test
    void passesOfPersistentWorkersTakeAsManyWordsAsPython() {
        assertWords(2, "3 epochs, sequential, persistent", 3, 9, builder -> builder.persistentWorkers(true));
        assertWords(
                2,
                "3 epochs, shuffle, persistent",
                3,
                9,
                builder -> builder.shuffle(true).persistentWorkers(true));
    }

    private static void assertWords(
            int workers,
            String row,
            int passes,
            int batchesOfEach,
            UnaryOperator<DataLoader.Builder<List<Integer>>> options) {
        int words = wordsTakenBy(() -> {
            try (DataLoader<List<Integer>> loader = options.apply(
                            lists(range(10)).batchSize(4).numWorkers(workers))
                    .build()) {
                for (int pass = 0; pass < passes; pass++) {
                    try (var batches = loader.iterator()) {
                        for (int i = 0; i < batchesOfEach && batches.hasNext(); i++) {
                            batches.next();
                        }
                    }
                }
            }
        });

        assertThat(words).as(row).isEqualTo(recorded("loader words", Integer.toString(workers), row));
    }

    @Test
    void shuffledLoaderDrawsBaseSeedBeforeSamplerSeed() {
        TorchRandom.manualSeed(SEED);
        TorchRandom.nextInt64(null); // what the pass takes as its base seed
        List<Integer> order = listOf(new RandomSampler(() -> 10));
        TorchRandom.manualSeed(SEED);

        assertThat(listOf(lists(range(10)).batchSize(10).shuffle(true).build())).containsExactly(order);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void batchesComeInOrderWithWorkersAndWithout(int prefetch) {
        List<List<Integer>> pairs =
                IntStream.range(0, 50).mapToObj(i -> List.of(2 * i, 2 * i + 1)).toList();

        assertThat(listOf(lists(range(100)).batchSize(2).build())).isEqualTo(pairs);
        assertThat(listOf(lists(range(100))
                        .batchSize(2)
                        .numWorkers(4)
                        .prefetchFactor(prefetch)
                        .build()))
                .isEqualTo(pairs);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void shuffledPicturesKeepTheirLabels(int workers) {
        DataLoader<Batch> loader = DataLoader.of(pictures(100))
                .batchSize(8)
                .shuffle(true)
                .numWorkers(workers)
                .build();
        List<Long> labels = new ArrayList<>();
        List<Integer> sizes = new ArrayList<>();

        for (Batch batch : loader) {
            sizes.add(batch.size());
            for (int i = 0; i < batch.size(); i++) {
                long label = batch.labels().data_ptr_long().get(i);
                labels.add(label);
                assertThat(batch.images().data_ptr_float().get(2L * i)).isEqualTo((float) label);
                assertThat(batch.images().data_ptr_float().get(2L * i + 1)).isEqualTo((float) -label);
            }
        }

        assertThat(labels)
                .doesNotHaveDuplicates()
                .hasSize(100)
                .isNotEqualTo(labels.stream().sorted().toList());
        assertThat(sizes).containsOnly(8, 4).hasSize(13).endsWith(4);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void unbatchedLoaderGivesTheItemsAsTheyAre(int workers) {
        DataLoader<Integer> inOrder =
                DataLoader.unbatched(range(20)).numWorkers(workers).build();
        DataLoader<Integer> shuffled = DataLoader.unbatched(range(20))
                .shuffle(true)
                .numWorkers(workers)
                .build();
        List<Integer> all = IntStream.range(0, 20).boxed().toList();

        assertThat(listOf(inOrder)).isEqualTo(all);
        assertThat(listOf(shuffled)).containsExactlyInAnyOrderElementsOf(all).isNotEqualTo(all);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void samplerSaysTheOrder(int workers) {
        Sampler<Integer> sampler = Sampler.of(IntStream.range(2, 12).boxed().toList());

        assertThat(listOf(lists(range(100))
                        .sampler(sampler)
                        .batchSize(2)
                        .numWorkers(workers)
                        .build()))
                .containsExactly(List.of(2, 3), List.of(4, 5), List.of(6, 7), List.of(8, 9), List.of(10, 11));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void batchSamplerSaysTheSizes(int workers) {
        List<int[]> batches = new ArrayList<>();
        for (int index = 0; index < 20; index += 5) {
            batches.add(new int[] {index, index + 1});
            batches.add(new int[] {index + 2, index + 3, index + 4});
        }
        DataLoader<List<Integer>> loader = lists(range(20))
                .batchSampler(Sampler.of(batches))
                .numWorkers(workers)
                .build();

        assertThat(listOf(loader).stream().map(List::size)).containsExactly(2, 3, 2, 3, 2, 3, 2, 3);
        assertThat(loader.size()).isEqualTo(8);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void sameSeedOfTheGeneratorGivesTheSameBatches(int workers) {
        Supplier<List<List<Integer>>> pass = () -> {
            try (Generator generator = TorchRandom.newGenerator(3)) {
                return listOf(lists(range(50))
                        .batchSize(4)
                        .shuffle(true)
                        .generator(generator)
                        .numWorkers(workers)
                        .build());
            }
        };

        assertThat(pass.get()).isEqualTo(pass.get());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void datasetMayGrowBetweenPasses(boolean shuffle) {
        AtomicInteger size = new AtomicInteger(5);
        Dataset<Integer> growing = new Dataset<>() {
            @Override
            public Integer get(int index) {
                return index;
            }

            @Override
            public int size() {
                return size.get();
            }
        };
        DataLoader<List<Integer>> loader = lists(growing).shuffle(shuffle).build();
        List<Integer> seen =
                new ArrayList<>(List.of(loader.size(), listOf(loader).size()));
        size.set(9);
        seen.addAll(List.of(loader.size(), listOf(loader).size()));

        assertThat(seen).isEqualTo(recorded("growing dataset", shuffle ? "shuffle" : "sequential"));
    }

    @Test
    void failingItemCostsItsBatchOnly() {
        assertThat(outcomes(lists(badItem3()).batchSize(2).build(), IllegalArgumentException.class))
                .isEqualTo(List.of(List.of(0, 1), "bad item 3", List.of(4, 5), List.of(6, 7)))
                .hasSameSizeAs((List<?>) recorded("failures", "bad item 3, no workers"));
    }

    @Test
    void failingItemInAWorkerCostsItsBatchOnlyAndNamesTheWorker() {
        assertThat(outcomes(lists(badItem3()).batchSize(2).numWorkers(2).build(), IllegalArgumentException.class))
                .isEqualTo(List.of(
                        List.of(0, 1),
                        "Caught IllegalArgumentException in DataLoader worker 1: bad item 3",
                        List.of(4, 5),
                        List.of(6, 7)))
                .hasSameSizeAs((List<?>) recorded("failures", "bad item 3, 2 workers"));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void everyBatchFailsOnceIfEveryItemDoes(int workers) {
        Dataset<Integer> broken = items(10, index -> {
            throw new IllegalStateException("no item");
        });

        assertThat(outcomes(lists(broken).batchSize(4).numWorkers(workers).build(), IllegalStateException.class))
                .hasSize(3)
                .allMatch(outcome -> outcome.toString().endsWith("no item"));
    }

    @Test
    void checkedExceptionThatSlipsThroughIsNotTakenForTheEnd() {
        Dataset<Integer> broken = items(2, index -> sneak(new IOException("disk on fire")));

        try (var batches = lists(broken).build().iterator()) {
            assertThatIllegalStateException()
                    .isThrownBy(batches::next)
                    .withMessage("disk on fire")
                    .withCauseInstanceOf(IOException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void errorsAreThrownAsTheyAre(int workers) {
        AssertionError error = new AssertionError("this is a bug");
        Dataset<Integer> broken = items(2, index -> {
            throw error;
        });

        try (var batches = lists(broken).numWorkers(workers).build().iterator()) {
            assertThatExceptionOfType(AssertionError.class)
                    .isThrownBy(batches::next)
                    .isSameAs(error);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void passThatIsClosedIsOver(int workers) {
        var batches = lists(range(10)).numWorkers(workers).build().iterator();
        batches.next();
        batches.close();
        batches.close();

        assertThat(batches.hasNext()).isFalse();
        assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(batches::next);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void passThatIsReadIsOver(int workers) {
        var batches = lists(range(1)).numWorkers(workers).build().iterator();

        assertThat(listOf(batches)).containsExactly(List.of(0));
        assertThat(batches.hasNext()).isFalse();
        assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(batches::next);
        batches.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void passesOverOneLoaderAreIndependent(int workers) {
        DataLoader<List<Integer>> loader = lists(range(4)).numWorkers(workers).build();
        List<List<List<Integer>>> pairs = new ArrayList<>();
        for (List<Integer> outer : loader) {
            for (List<Integer> inner : loader) {
                pairs.add(List.of(outer, inner));
            }
        }

        assertThat(pairs)
                .containsExactlyElementsOf(IntStream.range(0, 16)
                        .mapToObj(i -> List.of(List.of(i / 4), List.of(i % 4)))
                        .toList());
    }

    @Test
    void twoLoadersReadInTurnDoNotDisturbEachOther() {
        List<Integer> seen = new ArrayList<>();
        try (var one = lists(range(10)).numWorkers(1).build().iterator();
                var two = lists(items(10, index -> 100 + index))
                        .numWorkers(2)
                        .build()
                        .iterator()) {
            while (one.hasNext() && two.hasNext()) {
                seen.addAll(one.next());
                seen.addAll(two.next());
            }
        }

        assertThat(seen)
                .isEqualTo(IntStream.range(0, 20)
                        .mapToObj(i -> i / 2 + 100 * (i % 2))
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void batchIsFreedWhenThePassMovesOn(int workers) {
        try (var batches = DataLoader.of(pictures(4))
                .batchSize(2)
                .numWorkers(workers)
                .build()
                .iterator()) {
            Batch first = batches.next();
            assertThat(batches.hasNext()).isTrue();
            Tensor images = first.images();
            Tensor labels = first.labels();
            assertThat(images.isNull()).isFalse();
            Tensor second = batches.next().images();
            assertThat(images.isNull()).isTrue();
            assertThat(labels.isNull()).isTrue();
            assertThat(batches.hasNext()).isFalse();
            assertThat(second.isNull()).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void failingSamplerIsHeardOf(int workers) {
        Sampler<Integer> sampler = () -> IntStream.range(0, 10)
                .map(index -> {
                    if (index == 1) {
                        throw new IllegalArgumentException("no more order");
                    }
                    return index;
                })
                .iterator();
        DataLoader<List<Integer>> loader =
                lists(range(10)).sampler(sampler).numWorkers(workers).build();

        assertThatIllegalArgumentException().isThrownBy(() -> listOf(loader)).withMessage("no more order");
    }

    private static Dataset<Integer> badItem3() {
        return items(8, index -> {
            if (index == 3) {
                throw new IllegalArgumentException("bad item 3");
            }
            return index;
        });
    }

    /** Batches, or the message of the exception that came instead. */
    private static List<Object> outcomes(DataLoader<?> loader, Class<? extends Exception> expected) {
        List<Object> outcomes = new ArrayList<>();
        try (var batches = loader.iterator()) {
            while (batches.hasNext()) {
                try {
                    outcomes.add(batches.next());
                } catch (RuntimeException e) {
                    assertThat(e).isExactlyInstanceOf(expected);
                    outcomes.add(String.valueOf(e.getMessage()));
                }
            }
        }
        return outcomes;
    }

    /** Pictures of two pixels, label and −label. */
    private static Dataset<LabeledImage> pictures(int size) {
        return items(size, index -> {
            Tensor image = torch.empty(1, 1, 2);
            image.data_ptr_float().put(new float[] {index, -index});
            return new LabeledImage(image, index);
        });
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T, E extends Throwable> T sneak(Throwable exception) throws E {
        throw (E) exception;
    }
}
