package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.Fixtures.items;
import static io.github.mnistlibtorch.torch.data.Fixtures.workerThreads;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loaders give back all native memory and all threads, however a pass ends. */
@Tag("slow")
@ExtendWith(LibTorchExtension.class)
class LoaderMemoryTest {
    private static final int PATIENCE = 500;

    /** What another test has left behind is that test's failure. */
    private final List<Thread> before = workerThreads();

    @AfterEach
    void noWorkerRemains() {
        assertThat(workerThreads()).isSubsetOf(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void epochsLeaveNothingBehind(int workers) {
        DataLoader<Batch> loader = DataLoader.of(pictures(50))
                .batchSize(8)
                .shuffle(true)
                .numWorkers(workers)
                .build();

        assertLeavesNothing(
                10, () -> loader.forEach(batch -> assertThat(batch.size()).isPositive()));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void earlyStopsThatAreClosedLeaveNothingBehind(int workers) {
        DataLoader<Batch> loader =
                DataLoader.of(pictures(50)).batchSize(8).numWorkers(workers).build();

        assertLeavesNothing(200, () -> {
            try (var batches = loader.iterator()) {
                assertThat(batches.next().size()).isEqualTo(8);
            }
            assertThat(workerThreads()).isEmpty();
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void failingBatchesLeaveNothingBehind(int workers) {
        Dataset<LabeledImage> pictures = items(50, index -> {
            LabeledImage picture = picture(index);
            if (index % 10 == 9) {
                throw new IllegalStateException("item " + index);
            }
            return picture;
        });
        DataLoader<Batch> loader =
                DataLoader.of(pictures).batchSize(5).numWorkers(workers).build();

        assertLeavesNothing(10, () -> {
            int failures = 0;
            try (var batches = loader.iterator()) {
                while (batches.hasNext()) {
                    try {
                        batches.next();
                    } catch (IllegalStateException e) {
                        failures++;
                    }
                }
            }
            assertThat(failures).isEqualTo(5);
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void failureThatEndsThePassLeavesNothingBehind(int workers) {
        Sampler<Integer> sampler = () -> IntStream.range(0, 40)
                .map(index -> index < 30 ? index : Integer.parseInt("no index"))
                .iterator();
        DataLoader<Batch> loader = DataLoader.of(pictures(50))
                .batchSize(2)
                .sampler(sampler)
                .numWorkers(workers)
                .build();

        assertLeavesNothing(10, () -> {
            try (var batches = loader.iterator()) {
                batches.forEachRemaining(batch -> assertThat(batch.size()).isEqualTo(2));
                throw new AssertionError("the sampler was to fail");
            } catch (NumberFormatException e) {
                assertThat(e).hasMessageContaining("no index");
            }
        });
    }

    @Test
    void batchesThatCannotBeStackedLeaveNothingBehind() {
        Dataset<LabeledImage> ragged = items(4, index -> new LabeledImage(torch.zeros(1, 1 + index), index));
        DataLoader<Batch> loader =
                DataLoader.of(ragged).batchSize(2).numWorkers(2).build();

        assertLeavesNothing(10, () -> {
            try (var batches = loader.iterator()) {
                batches.next();
                throw new AssertionError("pictures of two sizes were stacked");
            } catch (IllegalArgumentException e) {
                assertThat(e).hasMessageContaining("stack expects each tensor to be equal size");
            }
        });
    }

    @Test
    void persistentWorkersLeaveNothingBehind() {
        assertLeavesNothing(5, () -> {
            try (DataLoader<Batch> loader = DataLoader.of(pictures(50))
                    .batchSize(8)
                    .shuffle(true)
                    .numWorkers(4)
                    .persistentWorkers(true)
                    .build()) {
                for (int pass = 0; pass < 5; pass++) {
                    loader.forEach(batch -> assertThat(batch.size()).isPositive());
                    try (var batches = loader.iterator()) {
                        batches.next();
                    }
                }
            }
        });
    }

    @Test
    void batchInUseSurvivesThatANewPassBegins() {
        try (DataLoader<Batch> loader = DataLoader.of(pictures(200))
                .batchSize(2)
                .numWorkers(4)
                .persistentWorkers(true)
                .build()) {
            for (int pass = 0; pass < 100; pass++) {
                try (var old = loader.iterator()) {
                    Batch batch = old.next();
                    try (var current = loader.iterator()) {
                        current.next();
                        assertThat(batch.labels().isNull()).isFalse();
                        assertThat(batch.labels().data_ptr_long().get(1)).isEqualTo(1);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void outOfOrderAndUnbatchedPassesLeaveNothingBehind(int workers) {
        DataLoader<LabeledImage> loader = DataLoader.unbatched(pictures(50))
                .numWorkers(workers)
                .inOrder(false)
                .build();

        assertLeavesNothing(
                10,
                () -> loader.forEach(
                        picture -> assertThat(picture.image().numel()).isEqualTo(4)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void nestedBatchesLeaveNothingBehind(int workers) {
        Dataset<Map<String, Object>> dataset = items(
                20,
                index -> Map.of("image", torch.zeros(2, 2), "more", List.of(index, 0.5, torch.ones(3), true, "text")));
        DataLoader<Object> loader = DataLoader.of(dataset, DefaultCollate::collate)
                .batchSize(3)
                .numWorkers(workers)
                .build();

        assertLeavesNothing(
                10, () -> loader.forEach(batch -> assertThat((Map<?, ?>) batch).hasSize(2)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void streamsLeaveNothingBehind(int workers) {
        IterableDataset<LabeledImage> stream =
                () -> IntStream.range(0, 20).mapToObj(LoaderMemoryTest::picture).iterator();
        DataLoader<Batch> loader = DataLoader.of(stream, Batch::of)
                .batchSize(3)
                .numWorkers(workers)
                .build();

        assertLeavesNothing(10, () -> {
            loader.forEach(batch -> assertThat(batch.size()).isPositive());
            try (var batches = loader.iterator()) {
                batches.next();
                assertThat(batches.hasNext()).isTrue(); // has looked ahead
            }
        });
    }

    @Test
    void tensorThatTheDatasetKeepsIsHandedOutAgainAndAgain() {
        try (Tensor kept = torch.ones(2)) {
            kept.retainReference();
            DataLoader<Tensor> loader =
                    DataLoader.unbatched(items(3, index -> kept)).build();
            for (int pass = 0; pass < 3; pass++) {
                loader.forEach(tensor -> assertThat(tensor.numel()).isEqualTo(2));
            }

            assertThat(kept.isNull()).isFalse();
        }
    }

    @Test
    void generatorsOfWorkersAreFreedWithThem() {
        Dataset<Long> dataset = items(8, index -> {
            WorkerInfo worker = WorkerInfo.current();
            return worker == null ? 0 : worker.generator().current_seed();
        });
        DataLoader<Long> loader = DataLoader.unbatched(dataset)
                .numWorkers(4)
                .workerInit(id -> dataset.get(0))
                .build();

        assertLeavesNothing(10, () -> loader.forEach(seed -> assertThat(seed).isNotZero()));
    }

    @Test
    void forgottenPassLosesItsThreadsAndItsMemory() {
        DataLoader<Batch> loader =
                DataLoader.of(pictures(50)).batchSize(8).numWorkers(2).build();
        long before = LeakCheck.settled();
        stopEarly(loader);

        awaitTheEndOfAllWorkers();
        assertThat(LeakCheck.settled()).isEqualTo(before);
        assertThat(loader.size()).isEqualTo(7); // it was the pass that was forgotten, not the loader
    }

    @Test
    void forgottenPassGivesTheMemoryItsBatchesShareBack() {
        Mnist mnist = Mnist.of(new byte[50 * 4], 2, 2, new byte[50]);
        DataLoader<Batch> loader =
                DataLoader.of(mnist).batchSize(8).numWorkers(2).build();
        long before = LeakCheck.settled();
        stopEarly(loader);

        awaitTheEndOfAllWorkers();
        assertThat(LeakCheck.settled()).isEqualTo(before);
        assertThat(loader.size()).isEqualTo(7); // it was the pass that was forgotten, not the loader
    }

    @Test
    void forgottenLoaderLosesItsPersistentThreads() {
        DataLoader.of(pictures(50))
                .batchSize(8)
                .numWorkers(2)
                .persistentWorkers(true)
                .build()
                .forEach(batch -> assertThat(batch.size()).isPositive());

        awaitTheEndOfAllWorkers();
    }

    /** A method of its own: its iterator is garbage when it returns. */
    private static void stopEarly(DataLoader<Batch> loader) {
        for (Batch batch : loader) {
            assertThat(batch.size()).isEqualTo(8);
            break;
        }
        assertThat(workerThreads()).hasSize(2);
    }

    private static void awaitTheEndOfAllWorkers() {
        for (int i = 0; i < PATIENCE && !workerThreads().isEmpty(); i++) {
            System.gc();
            pause();
        }
        assertThat(workerThreads()).isEmpty();
    }

    /** Counts native objects before and after; the first run may make some that stay for good. */
    private static void assertLeavesNothing(int times, Runnable action) {
        action.run();
        long before = LeakCheck.settled();
        for (int i = 0; i < times; i++) {
            action.run();
        }

        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    private static void pause() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Dataset<LabeledImage> pictures(int size) {
        return items(size, LoaderMemoryTest::picture);
    }

    /** With temporaries on the way, which are the loader's to free. */
    private static LabeledImage picture(int index) {
        return new LabeledImage(torch.zeros(1, 2, 2).add(new Scalar(index)), index);
    }
}
