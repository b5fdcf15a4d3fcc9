package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.Fixtures.workerThreads;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Batches take turns in a few pieces of memory, and nobody who keeps one notices. */
@ExtendWith(LibTorchExtension.class)
@Timeout(60)
class BatchPoolTest {
    private static final int SIZE = 203;
    private static final int BATCH = 8;

    /** Two for each of 4 workers, one in use, one on its way back. */
    private static final int HANDFUL = 10;

    private static Mnist mnist;

    @BeforeAll
    static void startLibTorch() {
        byte[] images = new byte[SIZE * 28 * 28];
        new Random(1).nextBytes(images);
        byte[] labels = new byte[SIZE];
        for (int i = 0; i < SIZE; i++) {
            labels[i] = (byte) (i % 10);
        }
        mnist = Mnist.of(images, 28, 28, labels);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void memoryIsUsedAgainWithinAPass(int workers) {
        Set<Long> addresses = new HashSet<>();
        try (DataLoader<Batch> loader = loader(mnist, workers)) {
            loader.forEach(batch -> addresses.add(address(batch)));
        }

        assertThat(addresses).hasSizeLessThanOrEqualTo(workers == 0 ? 2 : HANDFUL);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void keptBatchesKeepTheirNumbers(int workers) {
        List<Batch> kept = new ArrayList<>();
        try (TensorScope scope = TensorScope.open()) {
            for (Batch batch : loader(mnist, workers)) {
                if (kept.size() < 5) {
                    kept.add(Tensors.keep(scope, batch));
                }
            }
        }
        loader(mnist, workers).forEach(batch -> assertThat(batch.size()).isPositive());

        for (int i = 0; i < kept.size(); i++) {
            assertHolds(kept.get(i), i * BATCH);
        }
        kept.forEach(Batch::close);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void keptViewsKeepTheirNumbers(int workers) {
        List<Tensor> images = new ArrayList<>();
        List<Tensor> labels = new ArrayList<>();
        for (Batch batch : loader(mnist, workers)) {
            images.add(batch.images().select(0, 0));
            labels.add(batch.labels().select(0, 0));
        }

        for (int i = 0; i < images.size(); i++) {
            try (TensorScope scope = TensorScope.open();
                    Tensor image = images.get(i);
                    Tensor label = labels.get(i)) {
                assertThat(image.equal(mnist.get(i * BATCH).image())).isTrue();
                assertThat(label.item_long()).isEqualTo(mnist.label(i * BATCH));
            }
        }
        assertThat(images).hasSize((SIZE + BATCH - 1) / BATCH);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void batchInAnAutogradGraphKeepsItsNumbers(int workers) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor weight = torch.ones(1, 1, 28, 28).set_requires_grad(true);
            Tensor first = null;
            for (Batch batch : loader(mnist, workers)) {
                if (first == null) {
                    first = batch.images().mul(weight).sum();
                }
            }
            requireNonNull(first).backward();

            Tensor images = Batch.of(mnist, positions(0, BATCH)).images();
            assertThat(weight.grad().allclose(images.sum(0))).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void passesLeaveNoPointerBehind(int workers) {
        DataLoader<Batch> loader = loader(mnist, workers);

        assertFlat(5, () -> loader.forEach(batch -> assertThat(batch.size()).isPositive()));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void passesThatAreBrokenOffLeaveNoPointerBehind(int workers) {
        DataLoader<Batch> loader = loader(mnist, workers);

        assertFlat(50, () -> {
            try (var batches = loader.iterator()) {
                assertHolds(batches.next(), 0);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void badIndexFailsItsBatchAloneAndLeavesNoPointerBehind(int workers) {
        int[] indices = positions(0, SIZE);
        indices[2 * BATCH + 3] = SIZE;
        DataLoader<Batch> loader = loader(new Subset<>(mnist, indices), workers);

        assertFlat(5, () -> {
            try (var batches = loader.iterator()) {
                for (int from = 0; from < SIZE; from += BATCH) {
                    if (from == 2 * BATCH) {
                        assertThatThrownBy(batches::next).isInstanceOf(IndexOutOfBoundsException.class);
                    } else {
                        assertHolds(batches.next(), from);
                    }
                }
                assertThat(batches.hasNext()).isFalse();
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void whatTheUserDoesToABatchIsNotSeenInAnother(int workers) {
        List<Consumer<Batch>> changes = List.of(
                batch -> batch.images().mul_(new Scalar(-3)),
                batch -> batch.images().unsqueeze_(0),
                batch -> batch.images().set_requires_grad(true),
                batch -> batch.labels().zero_(),
                batch -> batch.images().resize_(3),
                batch -> batch.labels().unsqueeze_(1));
        int[] count = {0};
        for (Batch batch : loader(mnist, workers)) {
            assertHolds(batch, count[0] * BATCH);
            assertThat(batch.images().requires_grad()).isFalse();
            try (TensorScope scope = TensorScope.open()) {
                changes.get(count[0] % changes.size()).accept(batch);
            }
            count[0]++;
        }
        assertThat(count[0]).isEqualTo((SIZE + BATCH - 1) / BATCH);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void lastShortBatchHoldsWhatIsLeft(int workers) {
        List<Integer> sizes = new ArrayList<>();
        for (Batch batch : loader(mnist, workers)) {
            assertHolds(batch, sizes.size() * BATCH);
            sizes.add(batch.size());
        }

        assertThat(sizes).hasSize(26).endsWith(8, 3);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void subsetOfASubsetHasTheBitsOfItsItems(int workers) {
        int[] odd = IntStream.range(0, SIZE / 2).map(i -> 2 * i + 1).toArray();
        int[] backwards =
                IntStream.range(0, odd.length).map(i -> odd.length - 1 - i).toArray();
        Dataset<LabeledImage> nested = new Subset<>(new Subset<>(mnist, odd), backwards);
        DataLoader<Batch> itemByItem =
                DataLoader.of(oneByOne(nested), Batch::of).batchSize(BATCH).build();
        try (var expected = itemByItem.iterator()) {
            for (Batch batch : loader(nested, workers)) {
                Batch other = expected.next();
                assertThat(batch.images().equal(other.images())).isTrue();
                assertThat(batch.labels().equal(other.labels())).isTrue();
            }
            assertThat(expected.hasNext()).isFalse();
        }
    }

    @Test
    void scopesOfTheUserMayCloseBetweenTwoBatches() {
        DataLoader<Batch> loader = loader(mnist, 0);

        assertFlat(3, () -> {
            try (var batches = loader.iterator()) {
                int from = 0;
                while (true) {
                    try (TensorScope scope = TensorScope.open()) {
                        if (!batches.hasNext()) {
                            break;
                        }
                        assertHolds(batches.next(), from);
                        from += BATCH;
                    }
                }
                assertThat(from).isGreaterThanOrEqualTo(SIZE);
            }
        });
    }

    @Test
    void twoPassesAtOnceDoNotDisturbEachOther() {
        DataLoader<Batch> loader = loader(mnist, 4);
        try (var first = loader.iterator()) {
            for (int from = 0; from < SIZE; from += BATCH) {
                try (var second = loader.iterator()) {
                    assertHolds(second.next(), 0);
                    assertHolds(first.next(), from);
                }
            }
        }
    }

    @Test
    void bufferIsNotFreedWhileAWorkerWritesIntoIt() throws InterruptedException {
        SlowImages dataset = new SlowImages();
        long before = LeakCheck.settled();
        DataLoader<Batch> loader =
                DataLoader.of(dataset).numWorkers(1).persistentWorkers(true).build();
        var batches = loader.iterator();
        dataset.writing.await();

        batches.close();
        assertThat(Pointer.totalCount()).as("the buffer in use is still there").isEqualTo(before + pointersInUse());
        dataset.release.countDown();
        loader.close();

        assertThat(workerThreads()).isEmpty();
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    /** Of a buffer that is being written, and of the batch that it will be. */
    private static long pointersInUse() {
        long before = Pointer.totalCount();
        try (BatchBuffer buffer = new BatchBuffer(mnist, 1, /* pinned= */ false);
                Batch batch = buffer.alias()) {
            return Pointer.totalCount() - before;
        }
    }

    /** Copying takes until it is released. */
    private static final class SlowImages implements ImageDataset {
        final CountDownLatch writing = new CountDownLatch(1);
        final CountDownLatch release = new CountDownLatch(1);

        @Override
        public int rows() {
            return mnist.rows();
        }

        @Override
        public int columns() {
            return mnist.columns();
        }

        @Override
        public List<String> classes() {
            return mnist.classes();
        }

        @Override
        public int label(int index) {
            return mnist.label(index);
        }

        @Override
        public void copyPixels(int index, ByteBuffer target, int position) {
            writing.countDown();
            try {
                release.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            mnist.copyPixels(index, target, position);
        }

        @Override
        public LabeledImage get(int index) {
            return mnist.get(index);
        }

        @Override
        public int size() {
            return SIZE;
        }
    }

    private static DataLoader<Batch> loader(Dataset<LabeledImage> dataset, int workers) {
        return DataLoader.of(dataset).batchSize(BATCH).numWorkers(workers).build();
    }

    /** Hides that a dataset knows how to fetch many at once. */
    private static Dataset<LabeledImage> oneByOne(Dataset<LabeledImage> dataset) {
        return Fixtures.items(dataset.size(), dataset::get);
    }

    /** Checks that a batch is that of the items from {@code from} on. */
    private static void assertHolds(Batch batch, int from) {
        int[] expected = positions(from, Math.min(from + BATCH, SIZE));
        try (TensorScope scope = TensorScope.open()) {
            Batch items = Batch.of(Arrays.stream(expected).mapToObj(mnist::get).toList());
            assertThat(batch.images().equal(items.images()))
                    .as("images from %d", from)
                    .isTrue();
            assertThat(batch.labels().equal(items.labels()))
                    .as("labels from %d", from)
                    .isTrue();
        }
    }

    private static void assertFlat(int times, Runnable pass) {
        pass.run();
        long before = LeakCheck.settled();
        for (int i = 0; i < times; i++) {
            pass.run();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    private static int[] positions(int from, int to) {
        return IntStream.range(from, to).toArray();
    }

    private static long address(Batch batch) {
        return batch.images().data_ptr().address();
    }
}
