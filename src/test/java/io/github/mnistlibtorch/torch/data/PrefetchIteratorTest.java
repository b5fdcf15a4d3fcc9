package io.github.mnistlibtorch.torch.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is done when, told by a transfer that only writes it down. */
@ExtendWith(LibTorchExtension.class)
class PrefetchIteratorTest {
    private final List<String> log = new ArrayList<>();

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void eachBatchIsOnItsWayWhileTheOneBeforeItIsInUse(int numWorkers) {
        for (Batch batch : (Iterable<Batch>) () -> loader(numWorkers).iterator().ahead(new Recorder())) {
            log.add("step " + first(batch));
        }
        assertThat(log)
                .containsExactly(
                        "begin 0",
                        "arrive 0",
                        "begin 4",
                        "step 0", //
                        "arrive 4",
                        "begin 8",
                        "step 4", //
                        "arrive 8",
                        "step 8",
                        "close");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void leftEarlyNothingIsLeftBehind(int numWorkers) {
        DataLoader<Batch> loader = loader(numWorkers);
        long before = LeakCheck.settled();
        for (int taken = 0; taken < 3; taken++) {
            log.clear();
            try (var batches = loader.iterator().ahead(new Recorder())) {
                for (int i = 0; i < taken; i++) {
                    batches.next();
                }
            }
            assertThat(log).last().isEqualTo("close");
            assertThat(Pointer.totalCount()).as("after %d batches", taken).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void aBatchThatFailsAheadOfItsTimeFailsInItsTime(int numWorkers) {
        DataLoader<Batch> loader = DataLoader.of(new Numbers(/* failing= */ 5))
                .batchSize(4)
                .numWorkers(numWorkers)
                .build();
        long before = LeakCheck.settled();
        try (var batches = loader.iterator().ahead(new Recorder())) {
            assertThat(first(batches.next())).isZero();
            assertThat(batches.hasNext()).isTrue();
            assertThatIllegalStateException().isThrownBy(batches::next).withMessageContaining("no item 5");
            assertThat(first(batches.next())).isEqualTo(8);
            assertThat(batches.hasNext()).isFalse();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void aTransferThatFailsLosesItsBatchAlone() {
        DataLoader<Batch> loader = loader(0);
        long before = LeakCheck.settled();
        Recorder recorder = new Recorder();
        recorder.refused = "begin 4";
        try (var batches = loader.iterator().ahead(recorder)) {
            batches.next();
            assertThatIllegalStateException().isThrownBy(batches::next).withMessage("begin 4 refused");
            assertThat(first(batches.next())).isEqualTo(8);
        }
        recorder.refused = "arrive 4";
        try (var batches = loader.iterator().ahead(recorder)) {
            batches.next();
            assertThatIllegalStateException().isThrownBy(batches::next).withMessage("arrive 4 refused");
            assertThat(first(batches.next())).isEqualTo(8);
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void theRandomStreamIsThatOfAPassThatIsNotAhead() {
        DataLoader<Batch> loader = DataLoader.of(new Numbers(-1))
                .batchSize(4)
                .shuffle(true)
                .numWorkers(2)
                .build();
        TorchRandom.manualSeed(42);
        List<Long> plain = labels(loader.iterator());
        long next = TorchRandom.nextInt64(null);

        TorchRandom.manualSeed(42);
        assertThat(labels(loader.iterator().ahead(new Recorder()))).isEqualTo(plain);
        assertThat(TorchRandom.nextInt64(null)).isEqualTo(next);
    }

    private static List<Long> labels(BatchIterator<Batch> batches) {
        List<Long> labels = new ArrayList<>();
        while (batches.hasNext()) {
            Batch batch = batches.next();
            long[] values = new long[batch.size()];
            batch.labels().data_ptr_long().get(values);
            for (long value : values) {
                labels.add(value);
            }
        }
        return labels;
    }

    private static DataLoader<Batch> loader(int numWorkers) {
        return DataLoader.of(new Numbers(-1))
                .batchSize(4)
                .numWorkers(numWorkers)
                .build();
    }

    private static long first(Batch batch) {
        return batch.labels().data_ptr_long().get(0);
    }

    private final class Recorder implements Prefetcher<Batch> {
        private String refused = "";

        @Override
        public Batch begin(Batch batch) {
            Batch moved = batch.mapTensors(tensor -> tensor.clone());
            write("begin " + first(moved));
            return moved;
        }

        @Override
        public Batch arrive(Batch batch) {
            write("arrive " + first(batch));
            return batch;
        }

        @Override
        public void close() {
            write("close");
        }

        private void write(String what) {
            if (what.equals(refused)) {
                throw new IllegalStateException(what + " refused");
            }
            log.add(what);
        }
    }

    /** Ten examples, labelled with their index. */
    private record Numbers(int failing) implements Dataset<LabeledImage> {
        @Override
        public LabeledImage get(int index) {
            if (index == failing) {
                throw new IllegalStateException("no item " + index);
            }
            return new LabeledImage(torch.ones(1, 28, 28), index);
        }

        @Override
        public int size() {
            return 10;
        }
    }
}
