package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.Fixtures.listOf;
import static io.github.mnistlibtorch.torch.data.Fixtures.lists;
import static io.github.mnistlibtorch.torch.data.Fixtures.numbers;
import static io.github.mnistlibtorch.torch.data.Fixtures.wordsTakenBy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class IterableDatasetTest {
    private static final int[] SIZES = {0, 4, 20};

    private final List<String> warnings = new ArrayList<>();

    @BeforeEach
    void collectWarnings() {
        Warnings.showWith(warnings::add);
    }

    @AfterEach
    void forgetWarnings() {
        Warnings.reset();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void lastBatchMayBeShort(int workers) {
        assertThat(listOf(lists(numbers(20)).batchSize(7).numWorkers(workers).build()))
                .isEqualTo(recorded("iterables", "20, batch 7"));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void shortBatchIsLeftOutOnDemand(int workers) {
        assertThat(listOf(lists(numbers(20))
                        .batchSize(7)
                        .dropLast(true)
                        .numWorkers(workers)
                        .build()))
                .isEqualTo(recorded("iterables", "20, batch 7, drop last"));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void unbatchedLoaderGivesTheItemsAsTheyAre(int workers) {
        assertThat(listOf(DataLoader.unbatched(numbers(20)).numWorkers(workers).build()))
                .isEqualTo(recorded("iterables", "20, batch None"));
    }

    @Test
    void workersThatEndEarlyLeaveTheRestToTheOthers() {
        IterableDataset<Integer> uneven = numbers(worker -> SIZES[worker]);

        assertThat(sortedSizes(lists(uneven).batchSize(7).numWorkers(3)))
                .isEqualTo(recorded("iterables", "workers of 0, 4, 20, batch 7"));
        assertThat(sortedSizes(lists(uneven).batchSize(7).numWorkers(3).dropLast(true)))
                .isEqualTo(recorded("iterables", "workers of 0, 4, 20, batch 7, drop last"));
        assertThat(sortedSizes(lists(uneven).batchSize(7).numWorkers(3).inOrder(false)))
                .isEqualTo(recorded("iterables", "workers of 0, 4, 20, batch 7"));
    }

    @Test
    void workersThatDoNotShareOutReadTheSameItems() {
        assertThat(listOf(DataLoader.unbatched(numbers(3)).numWorkers(2).build()).stream()
                        .sorted()
                        .toList())
                .isEqualTo(recorded("iterables", "2 workers of 3, batch None"));
    }

    @Test
    void persistentWorkersReadTheStreamAnewInEachPass() {
        try (DataLoader<Integer> loader = DataLoader.unbatched(numbers(3))
                .numWorkers(2)
                .persistentWorkers(true)
                .build()) {
            for (int pass = 0; pass < 3; pass++) {
                assertThat(listOf(loader)).containsExactlyInAnyOrder(0, 0, 1, 1, 2, 2);
            }
        }
    }

    @Test
    void lengthIsThatOfTheDatasetOverTheBatchSize() {
        assertThat(lengths(false)).isEqualTo(recorded("iterables", "lengths of 10 by 1, 2, 3"));
        assertThat(lengths(true)).isEqualTo(recorded("iterables", "lengths of 10 by 1, 2, 3, drop last"));
        assertThat(DataLoader.unbatched(numbers(10, 10)).build().size()).isEqualTo(10);
    }

    @Test
    void streamWithoutLengthSaysSo() {
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> lists(numbers(3)).build().size())
                .withMessageMatching("object of type '.*' has no len\\(\\)");
    }

    @Test
    void moreBatchesThanAnnouncedAreWarnedOfIfTheLengthWasAskedFor() {
        DataLoader<List<Integer>> loader = lists(numbers(6, 4)).build();
        listOf(loader);
        assertThat(warnings).hasSize((int) recorded("iterables", "warnings, 6 items announced as 4", "without"));

        assertThat(loader.size()).isEqualTo(4);
        assertThat(listOf(loader)).hasSize(6);
        assertThat(warnings)
                .hasSize((int) recorded("iterables", "warnings, 6 items announced as 4", "after len()"))
                .first()
                .isEqualTo("Length of IterableDataset numbers was reported to be 4"
                        + " (when accessing size() of the DataLoader), but 5 samples have been fetched. ");
    }

    @Test
    void passDrawsABaseSeedOnly() {
        assertThat(wordsTakenBy(() -> listOf(lists(numbers(20)).batchSize(7).build())))
                .isEqualTo(recorded("loader words", "0", "1 epoch, sequential"));
        assertThat(wordsTakenBy(() ->
                        listOf(lists(numbers(20)).batchSize(7).numWorkers(2).build())))
                .isEqualTo(recorded("loader words", "2", "1 epoch, sequential"));
    }

    @Test
    void streamThatCannotBeOpenedFailsAtThePassWithoutWorkers() {
        assertThatIllegalStateException()
                .isThrownBy(() -> lists(closedStream()).build().iterator())
                .withMessage("cannot be opened");
    }

    @Test
    void streamThatCannotBeOpenedFailsAtTheFirstBatchOfAWorker() {
        try (var batches = lists(closedStream()).numWorkers(1).build().iterator()) {
            assertThatIllegalStateException()
                    .isThrownBy(batches::next)
                    .withMessage("Caught IllegalStateException in DataLoader worker 0: cannot be opened");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void failureFoundWhenLookingAheadIsThrownByNextAndTheStreamGoesOn(int workers) {
        IterableDataset<Integer> stream = () -> IntStream.range(0, 3)
                .map(item -> {
                    if (item == 1) {
                        throw new IllegalArgumentException("bad item 1");
                    }
                    return item;
                })
                .iterator();
        try (var batches =
                DataLoader.unbatched(stream).numWorkers(workers).build().iterator()) {
            assertThat(batches.next()).isZero();
            assertThat(batches.hasNext()).isTrue();
            assertThat(batches.hasNext()).isTrue();
            assertThatIllegalArgumentException().isThrownBy(batches::next).withMessageEndingWith("bad item 1");
            assertThat(batches.next()).isEqualTo(2);
            assertThat(batches.hasNext()).isFalse();
        }
    }

    private static IterableDataset<Integer> closedStream() {
        return new IterableDataset<>() {
            @Override
            public Iterator<Integer> iterator() {
                throw new IllegalStateException("cannot be opened");
            }
        };
    }

    private static List<Integer> lengths(boolean dropLast) {
        return Stream.of(1, 2, 3)
                .map(batchSize -> lists(numbers(10, 10))
                        .batchSize(batchSize)
                        .dropLast(dropLast)
                        .build()
                        .size())
                .toList();
    }

    private static List<Integer> sortedSizes(DataLoader.Builder<List<Integer>> builder) {
        return listOf(builder.build()).stream().map(List::size).sorted().toList();
    }

    /** Not the end of the stream, as which it would pass in silence. */
    @SuppressWarnings("NullAway") // what a program without it may do
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void nullIsNoBatch(int workers) {
        IterableDataset<Integer> withNull = () -> Arrays.asList(1, null, 3).iterator();
        for (DataLoader<?> loader : List.of(
                DataLoader.of(withNull, items -> items).numWorkers(workers).build(),
                DataLoader.of(Fixtures.items(3, i -> i), items -> null)
                        .numWorkers(workers)
                        .build())) {
            assertThatThrownBy(() -> loader.forEach(batch -> {}))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessageContaining("null");
        }
    }
}
