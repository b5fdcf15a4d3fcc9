package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static io.github.mnistlibtorch.torch.data.Fixtures.SEED;
import static io.github.mnistlibtorch.torch.data.Fixtures.items;
import static io.github.mnistlibtorch.torch.data.Fixtures.listOf;
import static io.github.mnistlibtorch.torch.data.Fixtures.lists;
import static io.github.mnistlibtorch.torch.data.Fixtures.range;
import static io.github.mnistlibtorch.torch.data.Fixtures.workerThreads;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Generator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Workers: who makes which batch, what they know, and how they end. */
@ExtendWith(LibTorchExtension.class)
@Timeout(60)
class DataLoaderWorkersTest {
    private static final Duration SHORT = Duration.ofMillis(50);

    /** What another test has left behind is that test's failure. */
    private final List<Thread> before = workerThreads();

    @AfterEach
    void noWorkerRemains() {
        assertThat(workerThreads()).isSubsetOf(before);
    }

    @ParameterizedTest
    @CsvSource({"1, 8", "2, 8", "3, 16", "6, 8", "6, 64"})
    void batchesAreDealtToTheWorkersInTurn(int workers, int batchSize) {
        DataLoader<List<Integer>> loader = lists(items(64, index -> worker().id()))
                .batchSize(batchSize)
                .numWorkers(workers)
                .build();

        assertThat(listOf(loader).stream().map(batch -> batch.get(0)).toList())
                .isEqualTo(recorded("workers", "of batches", workers + " workers, batch " + batchSize));
        assertThat(listOf(loader)).allMatch(batch -> Set.copyOf(batch).size() == 1);
    }

    @Test
    void workersHaveTheSeedsOfPython() {
        TorchRandom.manualSeed(SEED);

        assertThat(listOf(
                        lists(items(6, index -> worker().seed())).numWorkers(6).build()))
                .isEqualTo(recorded("loader streams", "seed 42, seeds of 6 workers"));
    }

    @Test
    void generatorOfAWorkerIsSeededWithItsSeed() {
        DataLoader<List<Boolean>> loader = lists(
                        items(6, index -> worker().generator().current_seed() == worker().seed()))
                .numWorkers(3)
                .build();

        assertThat(listOf(loader)).allMatch(List.of(true)::equals);
    }

    @Test
    void generatorOfAWorkerGoesOnFromBatchToBatchAndRepeatsItselfForTheSameSeed() {
        DataLoader<List<Long>> loader = lists(items(8, index -> TorchRandom.nextInt64(worker().generator())))
                .batchSize(2)
                .numWorkers(2)
                .build();
        TorchRandom.manualSeed(SEED);
        List<List<Long>> first = listOf(loader);
        TorchRandom.manualSeed(SEED);

        assertThat(listOf(loader)).isEqualTo(first);
        assertThat(first.stream().flatMap(List::stream)).doesNotHaveDuplicates();
    }

    @Test
    void sameSeedOfTheLoadersGeneratorGivesTheSameSeedsOfWorkers() {
        List<Set<Long>> seeds = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            try (Generator generator = TorchRandom.newGenerator(3)) {
                seeds.add(new TreeSet<>(listOf(DataLoader.unbatched(items(6, index -> worker().seed()))
                        .numWorkers(6)
                        .generator(generator)
                        .build())));
            }
        }

        assertThat(seeds.get(0)).hasSize(6).isEqualTo(seeds.get(1));
    }

    @Test
    void initialisationMaySeedTheWorkerAgain() {
        DataLoader<Long> loader = DataLoader.unbatched(
                        items(10, index -> worker().generator().current_seed()))
                .numWorkers(2)
                .workerInit(id -> worker().generator().set_current_seed(12345))
                .build();

        assertThat(listOf(loader)).hasSize(10).containsOnly(12345L);
    }

    @Test
    void initialisationRunsOnceInEachWorkerBeforeItFetches() {
        ConcurrentLinkedQueue<Integer> initialised = new ConcurrentLinkedQueue<>();
        Dataset<Boolean> dataset = items(8, index -> initialised.contains(worker().id()));
        try (DataLoader<Boolean> loader = DataLoader.unbatched(dataset)
                .numWorkers(3)
                .persistentWorkers(true)
                .workerInit(initialised::add)
                .build()) {
            assertThat(listOf(loader)).hasSize(8).containsOnly(true);
            assertThat(listOf(loader)).hasSize(8).containsOnly(true);
        }

        assertThat(initialised).containsExactlyInAnyOrder(0, 1, 2);
    }

    @Test
    void initialisationIsIgnoredWithoutWorkers() {
        DataLoader<Integer> loader = DataLoader.unbatched(range(3))
                .workerInit(id -> {
                    throw new IllegalStateException("not without workers");
                })
                .build();

        assertThat(listOf(loader)).containsExactly(0, 1, 2);
    }

    @Test
    void failureOfTheInitialisationIsThrownAtTheFirstBatchOfThatWorker() {
        DataLoader<Integer> loader = DataLoader.unbatched(range(4))
                .numWorkers(2)
                .workerInit(id -> {
                    if (id == 1) {
                        throw new IllegalStateException("init of worker");
                    }
                })
                .build();

        try (var batches = loader.iterator()) {
            assertThat(batches.next()).isZero();
            assertThatIllegalStateException()
                    .isThrownBy(batches::next)
                    .withMessage("Caught IllegalStateException in DataLoader worker 1: init of worker");
        }
    }

    @Test
    void workerKnowsWhoItIsAndTheMainThreadIsNone() {
        Dataset<List<Object>> dataset =
                items(4, index -> List.of(worker().id(), worker().numWorkers(), worker().dataset()));

        assertThat(listOf(DataLoader.unbatched(dataset).numWorkers(2).build()))
                .containsExactly(
                        List.of(0, 2, dataset), List.of(1, 2, dataset), List.of(0, 2, dataset), List.of(1, 2, dataset));
        assertThat(WorkerInfo.current()).isNull();
        assertThat(listOf(DataLoader.unbatched(items(1, index -> WorkerInfo.current() == null))
                        .build()))
                .containsExactly(true);
    }

    @Test
    void workersTakeNoPartInTheStreamOfTheDefaultGenerator() {
        Dataset<Long> dataset = items(20, index -> TorchRandom.nextInt64(worker().generator()));
        int words = Fixtures.wordsTakenBy(
                () -> listOf(lists(dataset).shuffle(true).numWorkers(2).build()));

        assertThat(words).isEqualTo(recorded("loader words", "2", "1 epoch, shuffle"));
    }

    @Test
    void noMoreBatchesAreOnTheWayThanAskedFor() {
        AtomicInteger fetched = new AtomicInteger();
        Dataset<Integer> dataset = items(100, index -> fetched.incrementAndGet());
        DataLoader<List<Integer>> loader =
                lists(dataset).numWorkers(2).prefetchFactor(3).build();

        try (var batches = loader.iterator()) {
            batches.next();
            for (int i = 0; i < 3; i++) {
                batches.next();
            }
            // 4 were given, 2 workers × 3 are on the way.
            assertThat(fetched.get()).isBetween(4, 10);
        }
        assertThat(fetched.get()).isLessThanOrEqualTo(10);
    }

    @Test
    void hugePrefetchFactorIsNoMoreThanTheWholeDataset() {
        DataLoader<Integer> loader = DataLoader.unbatched(range(5))
                .numWorkers(2)
                .prefetchFactor(Integer.MAX_VALUE)
                .build();

        assertThat(listOf(loader)).containsExactly(0, 1, 2, 3, 4);
    }

    @ParameterizedTest
    @CsvSource({"1, 1 seconds", "0.5, 0.5 seconds"})
    void batchThatTakesTooLongIsATimeoutAndCanBeAskedForAgain(double seconds, String text) throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        DataLoader<Integer> loader = DataLoader.unbatched(items(2, index -> {
                    await(release);
                    return index;
                }))
                .numWorkers(1)
                .timeout(Duration.ofMillis(Math.round(seconds * 1000)))
                .build();

        try (var batches = loader.iterator()) {
            assertThatIllegalStateException()
                    .isThrownBy(batches::next)
                    .withMessage(recordedMessage("failures", "timeout " + text.replace(" seconds", "")))
                    .withMessageEndingWith(text);
            release.countDown();
            assertThat(batches.next()).isZero();
            assertThat(batches.next()).isEqualTo(1);
        } finally {
            release.countDown();
        }
    }

    @Test
    void timeoutThatIsNotReachedChangesNothing() {
        DataLoader<Integer> loader = DataLoader.unbatched(range(20))
                .numWorkers(2)
                .timeout(Duration.ofMinutes(1))
                .build();

        assertThat(listOf(loader)).isEqualTo(IntStream.range(0, 20).boxed().toList());
    }

    @Test
    void outOfOrderASlowWorkerHoldsNobodyUp() {
        CountDownLatch release = new CountDownLatch(1);
        DataLoader<Integer> loader = DataLoader.unbatched(items(12, index -> {
                    if (index == 0) {
                        await(release);
                    }
                    return index;
                }))
                .numWorkers(2)
                .inOrder(false)
                .build();
        List<Integer> items = new ArrayList<>();

        try (var batches = loader.iterator()) {
            // Worker 0 is stuck with item 0 and has item 2 in its queue.
            for (int i = 0; i < 10; i++) {
                items.add(batches.next());
            }
            release.countDown();
            batches.forEachRemaining(items::add);
        } finally {
            release.countDown();
        }

        assertThat(items).containsExactly(1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 2);
    }

    @Test
    void outOfOrderEveryBatchComesOnce() {
        DataLoader<List<Integer>> loader =
                lists(range(2000)).batchSize(2).numWorkers(4).inOrder(false).build();

        for (int pass = 0; pass < 5; pass++) {
            assertThat(listOf(loader).stream().flatMap(List::stream).sorted().toList())
                    .isEqualTo(IntStream.range(0, 2000).boxed().toList());
        }
    }

    @Test
    void inOrderABatchThatIsReadyWaitsForItsTurn() {
        CountDownLatch secondIsFetched = new CountDownLatch(1);
        DataLoader<Integer> loader = DataLoader.unbatched(items(4, index -> {
                    if (index == 0) {
                        await(secondIsFetched);
                    } else if (index == 3) { // worker 1 has published item 1
                        secondIsFetched.countDown();
                    }
                    return index;
                }))
                .numWorkers(2)
                .build();

        assertThat(listOf(loader)).containsExactly(0, 1, 2, 3);
    }

    @Test
    void persistentWorkersAreTheSameThreadsInEveryPassUntilTheLoaderIsClosed() {
        DataLoader<Thread> loader = DataLoader.unbatched(items(4, index -> Thread.currentThread()))
                .numWorkers(2)
                .persistentWorkers(true)
                .build();
        List<Thread> first = listOf(loader);
        assertThat(listOf(loader)).isEqualTo(first);
        assertThat(workerThreads()).hasSize(2);

        loader.close();
        loader.close();

        assertThat(workerThreads()).isEmpty();
        assertThat(listOf(loader)).hasSize(4).doesNotContainAnyElementsOf(first);
        loader.close();
    }

    @Test
    void workersShareTheDatasetSoAChangeIsSeenUnlikeInPythonsProcesses() {
        AtomicInteger value = new AtomicInteger(1);
        try (DataLoader<Integer> loader = DataLoader.unbatched(items(2, index -> value.get()))
                .numWorkers(1)
                .persistentWorkers(true)
                .build()) {
            assertThat(listOf(loader)).containsExactly(1, 1);
            value.set(2);
            assertThat(listOf(loader)).containsExactly(2, 2);
        }
    }

    @Test
    void newPassOfPersistentWorkersEndsTheOldOneAndIsNotDisturbedByItsClosing() {
        try (DataLoader<Integer> loader = DataLoader.unbatched(range(20))
                .numWorkers(2)
                .persistentWorkers(true)
                .build()) {
            var old = loader.iterator();
            assertThat(old.next()).isZero();
            var current = loader.iterator();
            assertThat(current.next()).isZero();

            assertThatIllegalStateException()
                    .isThrownBy(() -> listOf(old))
                    .withMessageStartingWith("this pass is over");
            old.close();

            assertThat(listOf(current)).isEqualTo(IntStream.range(1, 20).boxed().toList());
        }
    }

    @Test
    void passIsOverWhenItsPersistentLoaderIsClosed() {
        DataLoader<Integer> loader = DataLoader.unbatched(range(20))
                .numWorkers(2)
                .persistentWorkers(true)
                .build();
        try (var batches = loader.iterator()) {
            batches.next();
            loader.close();

            assertThatIllegalStateException()
                    .isThrownBy(() -> listOf(batches))
                    .withMessageStartingWith("this pass is over");
        }
    }

    @Test
    void closingAPersistentLoaderWakesWhoWaitsForABatch() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch fetching = new CountDownLatch(1);
        DataLoader<Integer> loader = DataLoader.unbatched(items(1, index -> {
                    fetching.countDown();
                    await(release);
                    return index;
                }))
                .numWorkers(1)
                .persistentWorkers(true)
                .build();
        var batches = loader.iterator();
        ConcurrentLinkedQueue<Throwable> thrown = new ConcurrentLinkedQueue<>();
        Thread waiting = new Thread(batches::next);
        waiting.setUncaughtExceptionHandler((thread, e) -> thrown.add(e));
        waiting.start();
        assertThat(fetching.await(30, TimeUnit.SECONDS)).isTrue();
        while (waiting.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        Thread closing = new Thread(loader::close);
        closing.start();

        waiting.join();
        release.countDown();
        closing.join();

        assertThat(thrown).singleElement().isInstanceOf(IllegalStateException.class);
        batches.close();
    }

    @Test
    void abandonedPassOfPersistentWorkersLeavesNothingInTheNext() {
        try (DataLoader<Integer> loader = DataLoader.unbatched(range(50))
                .numWorkers(4)
                .persistentWorkers(true)
                .build()) {
            for (int pass = 0; pass < 200; pass++) {
                try (var batches = loader.iterator()) {
                    for (int i = 0; i < pass % 7; i++) {
                        assertThat(batches.next()).isEqualTo(i);
                    }
                }
            }
            assertThat(listOf(loader)).isEqualTo(IntStream.range(0, 50).boxed().toList());
        }
    }

    @Test
    void interruptedWaitIsAnErrorThatKeepsTheInterruptAndLosesNoBatch() {
        CountDownLatch release = new CountDownLatch(1);
        DataLoader<Integer> loader = DataLoader.unbatched(items(2, index -> {
                    await(release);
                    return index;
                }))
                .numWorkers(1)
                .build();

        try (var batches = loader.iterator()) {
            Thread.currentThread().interrupt();
            assertThatIllegalStateException()
                    .isThrownBy(batches::next)
                    .withMessageStartingWith("interrupted")
                    .withCauseInstanceOf(InterruptedException.class);
            assertThat(Thread.interrupted()).isTrue();

            release.countDown();
            assertThat(batches.next()).isZero();
        } finally {
            release.countDown();
        }
    }

    @Test
    void datasetThatInterruptsItsWorkerDoesNotKillIt() {
        DataLoader<Integer> loader = DataLoader.unbatched(items(10, index -> {
                    Thread.currentThread().interrupt();
                    return index;
                }))
                .numWorkers(1)
                .build();

        assertThat(listOf(loader)).isEqualTo(IntStream.range(0, 10).boxed().toList());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void samplerThatFailsAtTheStartLeavesNoWorkers(boolean persistent) {
        Sampler<Integer> sampler = () -> IntStream.range(0, 10)
                .map(index -> {
                    throw new IllegalArgumentException("no order");
                })
                .iterator();
        try (DataLoader<Integer> loader = DataLoader.unbatched(range(10))
                .sampler(sampler)
                .numWorkers(2)
                .persistentWorkers(persistent)
                .build()) {
            assertThatIllegalArgumentException().isThrownBy(loader::iterator).withMessage("no order");
        }
        joinWorkers();
    }

    @Test
    void exceptionOfAWorkerKeepsItsTypeAndHasTheOriginalAsItsCause() {
        IndexOutOfBoundsException original = new IndexOutOfBoundsException("beyond");
        try (var batches = failingWith(original)) {
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(batches::next)
                    .withMessage("Caught IndexOutOfBoundsException in DataLoader worker 0: beyond")
                    .havingCause()
                    .isSameAs(original);
        }
    }

    @Test
    void exceptionOfATypeThatIsNotMadeFromOneTextBecomesARuntimeException() {
        RuntimeException original = new TwoPartException("left", "right");
        try (var batches = failingWith(original)) {
            assertThatExceptionOfType(RuntimeException.class)
                    .isThrownBy(batches::next)
                    .withMessage("Caught TwoPartException in DataLoader worker 0: left right")
                    .isExactlyInstanceOf(RuntimeException.class)
                    .havingCause()
                    .isSameAs(original);
        }
    }

    @Test
    void timeoutDoesNotOutliveAPassThatIsClosedWhileAWorkerIsBusy() {
        CountDownLatch release = new CountDownLatch(1);
        DataLoader<Integer> loader = DataLoader.unbatched(items(1, index -> {
                    await(release);
                    return index;
                }))
                .numWorkers(1)
                .timeout(SHORT)
                .build();
        var batches = loader.iterator();
        assertThatIllegalStateException().isThrownBy(batches::next).withMessageContaining("timed out");

        release.countDown();
        batches.close();

        assertThat(batches.hasNext()).isFalse();
    }

    private static BatchIterator<Object> failingWith(RuntimeException failure) {
        return DataLoader.<Object>unbatched(items(1, index -> {
                    throw failure;
                }))
                .numWorkers(1)
                .build()
                .iterator();
    }

    private static WorkerInfo worker() {
        return requireNonNull(WorkerInfo.current());
    }

    private static void joinWorkers() {
        for (Thread thread : workerThreads()) {
            try {
                thread.join(30_000);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class TwoPartException extends RuntimeException {
        TwoPartException(String left, String right) {
            super(left + " " + right);
        }
    }
}
