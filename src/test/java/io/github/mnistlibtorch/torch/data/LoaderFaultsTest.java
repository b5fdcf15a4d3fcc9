package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.Fixtures.items;
import static io.github.mnistlibtorch.torch.data.Fixtures.workerThreads;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Faults at every batch and at every moment: what is lost is the batch itself, and neither a thread nor native memory. */
@ExtendWith({LibTorchExtension.class, LeakCheck.class})
class LoaderFaultsTest {
    private static final int BATCH_SIZE = 3;
    private static final int BATCHES = 9;
    private static final int EARLY_STOPS = 10_000;

    private final List<Thread> workersBefore = workerThreads();

    @AfterEach
    void noThreadIsLeft() {
        assertThat(workerThreads()).isSubsetOf(workersBefore);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4})
    void datasetMayFailAtEveryItem(int workers) {
        for (int failing = 0; failing < BATCH_SIZE * BATCHES; failing++) {
            for (Throwable fault : faults()) {
                int bad = failing;
                Dataset<LabeledImage> pictures = pictures(index -> {
                    LabeledImage picture = picture(index);
                    if (index == bad) {
                        raise(fault);
                    }
                    return picture;
                });
                DataLoader<Batch> loader = DataLoader.of(pictures)
                        .batchSize(BATCH_SIZE)
                        .numWorkers(workers)
                        .build();
                assertOnlyThisBatchFails(loader, failing / BATCH_SIZE, fault);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4})
    void collateMayFailAtEveryBatch(int workers) {
        for (int failing = 0; failing < BATCHES; failing++) {
            for (Throwable fault : faults()) {
                int bad = failing * BATCH_SIZE;
                Collate<LabeledImage, Batch> collate = examples -> {
                    Batch batch = Batch.of(examples);
                    if (examples.get(0).label() == bad) {
                        raise(fault);
                    }
                    return batch;
                };
                DataLoader<Batch> loader = DataLoader.of(pictures(LoaderFaultsTest::picture), collate)
                        .batchSize(BATCH_SIZE)
                        .numWorkers(workers)
                        .build();
                assertOnlyThisBatchFails(loader, failing, fault);
            }
        }
    }

    /** One loader after the other: without workers, with one, with two, and with two that stay. */
    @Tag("slow")
    @Test
    void consumersMayStopEarlyThousandsOfTimes() {
        Mnist mnist = Mnist.of(new byte[BATCH_SIZE * BATCHES * 4], 2, 2, new byte[BATCH_SIZE * BATCHES]);
        List<DataLoader<Batch>> loaders = new ArrayList<>();
        for (int workers : new int[] {0, 1, 2}) {
            loaders.add(DataLoader.of(mnist)
                    .batchSize(BATCH_SIZE)
                    .shuffle(true)
                    .numWorkers(workers)
                    .build());
        }
        loaders.add(DataLoader.of(mnist)
                .batchSize(BATCH_SIZE)
                .shuffle(true)
                .numWorkers(2)
                .persistentWorkers(true)
                .build());
        for (int i = 0; i < EARLY_STOPS; i++) {
            try (var batches = loaders.get(i % loaders.size()).iterator()) {
                for (int taken = 0; taken < i / loaders.size() % BATCHES; taken++) {
                    assertThat(batches.next().size()).isEqualTo(BATCH_SIZE);
                }
            }
        }
        loaders.forEach(DataLoader::close);
    }

    /** Each thread its own pass; the passes share the memory of their batches. */
    @Tag("slow")
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4})
    void passesOfSeveralThreadsDoNotDisturbEachOther(int workers) throws Exception {
        byte[] pixels = new byte[BATCH_SIZE * BATCHES];
        byte[] labels = new byte[pixels.length];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) i;
            labels[i] = (byte) (i % 10);
        }
        Mnist mnist = Mnist.of(pixels, 1, 1, labels);
        DataLoader<Batch> loader =
                DataLoader.of(mnist).batchSize(BATCH_SIZE).numWorkers(workers).build();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> passes = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                passes.add(threads.submit(() -> assertHoldsItsItems(loader)));
            }
            for (Future<?> pass : passes) {
                pass.get(1, TimeUnit.MINUTES);
            }
        } finally {
            threads.shutdown();
            assertThat(threads.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
        }
    }

    /** A mistake, but one that costs no batch, no thread and no memory. */
    @Tag("slow")
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4})
    void onePassThatSeveralThreadsUseAtOnceGivesEachBatchOnce(int workers) throws Exception {
        Mnist mnist = Mnist.of(new byte[BATCH_SIZE * BATCHES * 4], 2, 2, new byte[BATCH_SIZE * BATCHES]);
        DataLoader<Batch> loader =
                DataLoader.of(mnist).batchSize(BATCH_SIZE).numWorkers(workers).build();
        AtomicInteger refused = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            for (int pass = 0; pass < 100; pass++) {
                AtomicInteger given = new AtomicInteger();
                try (var batches = loader.iterator()) {
                    List<Future<?>> users = new ArrayList<>();
                    for (int i = 0; i < 4; i++) {
                        users.add(threads.submit(() -> takeAll(batches, given, refused)));
                    }
                    for (Future<?> user : users) {
                        user.get(1, TimeUnit.MINUTES);
                    }
                }
                assertThat(given).hasValue(BATCHES);
            }
        } finally {
            threads.shutdown();
            assertThat(threads.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
        }
        assertThat(refused).as("calls while another thread was at it").hasPositiveValue();
    }

    private static void takeAll(Iterator<Batch> batches, AtomicInteger given, AtomicInteger refused) {
        while (true) {
            try {
                batches.next();
                given.incrementAndGet();
            } catch (NoSuchElementException e) {
                return;
            } catch (IllegalStateException e) {
                assertThat(e).hasMessage("this pass over the loader is in use: it is for one thread at a time");
                refused.incrementAndGet();
            }
        }
    }

    /** Neither a consumer that stops nor one that loses its patience waits for a dataset that hangs, or loses memory. */
    @Tag("slow")
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void datasetMayBlockAtEveryItem(int workers) throws Exception {
        for (int blocking = 0; blocking < BATCH_SIZE * BATCHES; blocking++) {
            CountDownLatch released = new CountDownLatch(1);
            int bad = blocking;
            Dataset<LabeledImage> pictures = pictures(index -> {
                if (index == bad) {
                    awaitUninterruptibly(released);
                }
                return picture(index);
            });
            DataLoader<Batch> loader = DataLoader.of(pictures)
                    .batchSize(BATCH_SIZE)
                    .numWorkers(workers)
                    .timeout(Duration.ofMillis(20))
                    .build();
            try (var batches = loader.iterator()) {
                for (int batch = 0; batch < bad / BATCH_SIZE; batch++) {
                    nextInTime(batches);
                }
                assertThatThrownBy(batches::next).hasMessageContaining("timed out");
                released.countDown();
                if (bad % 2 == 0) {
                    Batch late = nextInTime(batches);
                    assertThat(late.size()).isEqualTo(BATCH_SIZE);
                }
            }
        }
        for (Thread worker : workerThreads()) {
            worker.join(30_000);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 4})
    void trainingThreadMayBeInterruptedAtEveryBatch(int workers) {
        for (int at = 0; at < BATCHES; at++) {
            int interrupted = at;
            DataLoader<Batch> loader = DataLoader.of(pictures(LoaderFaultsTest::picture))
                    .batchSize(BATCH_SIZE)
                    .numWorkers(workers)
                    .build();
            int given = 0;
            try (var batches = loader.iterator()) {
                while (batches.hasNext()) {
                    boolean now = given == interrupted;
                    if (now) {
                        Thread.currentThread().interrupt();
                    }
                    try {
                        batches.next();
                        given++;
                    } catch (IllegalStateException e) {
                        assertThat(now).isTrue();
                        assertThat(e).hasMessageContaining("interrupted");
                        interrupted = -1; // once
                    }
                    assertThat(Thread.interrupted()).as("the interrupt is kept").isEqualTo(now);
                }
            }
            assertThat(given).isEqualTo(BATCHES);
        }
    }

    private static Batch nextInTime(Iterator<Batch> batches) {
        while (true) {
            try {
                return batches.next();
            } catch (IllegalStateException e) {
                assertThat(e).hasMessageContaining("timed out");
            }
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        while (true) {
            try {
                latch.await();
                return;
            } catch (InterruptedException e) {
                continue; // a dataset that does not listen
            }
        }
    }

    private static void assertHoldsItsItems(DataLoader<Batch> loader) {
        int item = 0;
        try (var batches = loader.iterator()) {
            while (batches.hasNext()) {
                Batch batch = batches.next();
                for (int i = 0; i < BATCH_SIZE; i++, item++) {
                    try (Tensor label = batch.labels().get(i);
                            Tensor pixel = batch.images().get(i)) {
                        assertThat(label.item_long()).isEqualTo(item % 10);
                        assertThat(pixel.item_float()).isEqualTo(item / 255f);
                    }
                }
            }
        }
        assertThat(item).isEqualTo(BATCH_SIZE * BATCHES);
    }

    private static void assertOnlyThisBatchFails(DataLoader<Batch> loader, int failing, Throwable fault) {
        try (var batches = loader.iterator()) {
            for (int position = 0; position < BATCHES; position++) {
                Throwable thrown = null;
                try {
                    assertThat(batches.next().size()).isEqualTo(BATCH_SIZE);
                } catch (IllegalArgumentException | OutOfMemoryError | StackOverflowError e) {
                    thrown = e;
                }
                if (position == failing) {
                    assertThat(thrown).isInstanceOf(fault.getClass()).hasMessageContaining(fault.getMessage());
                } else {
                    assertThat(thrown).isNull();
                }
            }
            assertThat(batches.hasNext()).isFalse();
        }
    }

    private static List<Throwable> faults() {
        return List.of(
                new IllegalArgumentException("a fault"),
                new OutOfMemoryError("no memory"),
                new StackOverflowError("too deep"));
    }

    private static void raise(Throwable fault) {
        if (fault instanceof Error error) {
            throw error;
        }
        throw (RuntimeException) fault;
    }

    private static Dataset<LabeledImage> pictures(IntFunction<LabeledImage> get) {
        return items(BATCH_SIZE * BATCHES, get);
    }

    /** With temporaries on the way, which are the loader's to free. */
    private static LabeledImage picture(int index) {
        return new LabeledImage(torch.zeros(1, 2, 2).add(new Scalar(index)), index);
    }
}
