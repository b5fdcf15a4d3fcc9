package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.Fixtures.items;
import static io.github.mnistlibtorch.torch.data.Fixtures.listOf;
import static io.github.mnistlibtorch.torch.data.Fixtures.range;
import static io.github.mnistlibtorch.torch.data.Fixtures.workerThreads;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LibTorchExtension;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which workers are awake is the pool's affair: no batch waits for one that sleeps. */
@ExtendWith(LibTorchExtension.class)
@Timeout(60)
class WorkerPoolTest {
    private static final int SLOW_MILLIS = 50;

    /** Longer than a worker watches for tasks. */
    private static final int IDLE_MILLIS = 30;

    private final List<Thread> before = workerThreads();

    @AfterEach
    void noWorkerRemains() {
        assertThat(workerThreads()).isSubsetOf(before);
    }

    @Test
    void slowItemsAreFetchedByAllWorkersAtOnce() {
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        Dataset<Integer> slow = items(16, index -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            sleep(SLOW_MILLIS);
            now.decrementAndGet();
            return index;
        });

        assertThat(listOf(DataLoader.unbatched(slow).numWorkers(4).build())).isEqualTo(upTo(16));
        assertThat(most).hasValue(4);
    }

    @Test
    void workersThatFellAsleepInALongPauseBringTheirBatches() {
        try (DataLoader<Integer> loader = DataLoader.unbatched(range(40))
                .numWorkers(4)
                .persistentWorkers(true)
                .build()) {
            for (int pass = 0; pass < 5; pass++) {
                assertThat(listOf(loader)).isEqualTo(upTo(40));
                sleep(IDLE_MILLIS);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void consumerThatPausesGetsEveryBatchInOrder(int workers) {
        List<Integer> got = new ArrayList<>();
        for (int item : DataLoader.unbatched(range(60)).numWorkers(workers).build()) {
            got.add(item);
            sleep(item % 3 * 5); // none, shorter and longer than a worker watches
        }

        assertThat(got).isEqualTo(upTo(60));
    }

    /** A wake-up that is lost would stop the pass for good. */
    @Tag("slow")
    @Test
    void manyShortPassesAtAllSpeedsNeverGetStuck() {
        try (DataLoader<Integer> loader = DataLoader.unbatched(range(24))
                .numWorkers(3)
                .persistentWorkers(true)
                .build()) {
            for (int pass = 0; pass < 2_000; pass++) {
                int spins = pass % 50 * 20;
                List<Integer> got = new ArrayList<>();
                for (int item : loader) {
                    got.add(item);
                    for (int i = 0; i < spins; i++) {
                        Thread.onSpinWait();
                    }
                }
                assertThat(got).isEqualTo(upTo(24));
            }
        }
    }

    @Test
    void interruptsFromOutsideLoseNoBatch() {
        List<Integer> got = new ArrayList<>();
        for (int item : DataLoader.unbatched(range(200)).numWorkers(4).build()) {
            got.add(item);
            workerThreads().forEach(Thread::interrupt);
        }

        assertThat(got).isEqualTo(upTo(200));
    }

    @Test
    void interruptIsForTheItemThatWasBeingFetchedAndNotForTheNext() {
        Dataset<Boolean> dataset = items(20, index -> {
            boolean interrupted = Thread.currentThread().isInterrupted();
            Thread.currentThread().interrupt();
            return interrupted;
        });
        // All tasks lie in the queue of the one worker from the beginning.
        DataLoader<Boolean> loader =
                DataLoader.unbatched(dataset).numWorkers(1).prefetchFactor(20).build();

        assertThat(listOf(loader)).hasSize(20).containsOnly(false);
    }

    private static List<Integer> upTo(int end) {
        return IntStream.range(0, end).boxed().toList();
    }

    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
