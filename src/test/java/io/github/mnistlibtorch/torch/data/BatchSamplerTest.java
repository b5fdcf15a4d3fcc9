package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static io.github.mnistlibtorch.torch.data.Fixtures.batchesOf;
import static io.github.mnistlibtorch.torch.data.Fixtures.wordsTakenBy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LibTorchExtension.class)
class BatchSamplerTest {
    private static final Sampler<Integer> TEN = new SequentialSampler(() -> 10);

    @Test
    void lastBatchMayBeShort() {
        BatchSampler sampler = new BatchSampler(TEN, 3, false);

        assertThat(batchesOf(sampler)).isEqualTo(recorded("samplers", "batches of 3"));
        assertThat(sampler.size()).isEqualTo(4);
    }

    @Test
    void shortBatchIsLeftOutOnDemand() {
        BatchSampler sampler = new BatchSampler(TEN, 3, true);

        assertThat(batchesOf(sampler)).isEqualTo(recorded("samplers", "batches of 3, drop last"));
        assertThat(sampler.size()).isEqualTo(3);
    }

    @Test
    void drawsNothingItself() {
        assertThat(wordsTakenBy(() -> batchesOf(new BatchSampler(new RandomSampler(() -> 10), 3, false))))
                .isEqualTo(recorded("samplers", "words", "batches of random, one visit"));
    }

    @Test
    void asksForNoMoreIndicesThanTheBatchHolds() {
        List<Integer> asked = new ArrayList<>();
        Sampler<Integer> sampler =
                () -> IntStream.range(0, 10).peek(asked::add).boxed().iterator();
        Iterator<int[]> batches = new BatchSampler(sampler, 3, false).iterator();
        assertThat(asked).isEmpty();

        batches.next();

        assertThat(asked).containsExactly(0, 1, 2);
    }

    @Test
    void batchesThatWereGivenAreNotOverwritten() {
        Iterator<int[]> batches = new BatchSampler(TEN, 3, false).iterator();
        int[] first = batches.next();
        batches.next();

        assertThat(first).containsExactly(0, 1, 2);
    }

    @Test
    void batchSizeThatIsNotPositiveIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BatchSampler(TEN, 0, false))
                .withMessage(recordedMessage("samplers", "batch size 0"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BatchSampler(TEN, -1, false))
                .withMessage(recordedMessage("samplers", "batch size -1"));
    }

    @Test
    void hugeBatchSizeDoesNotOverflowTheNumberOfBatches() {
        assertThat(new BatchSampler(TEN, Integer.MAX_VALUE, false).size()).isEqualTo(1);
        assertThat(new BatchSampler(TEN, Integer.MAX_VALUE, true).size()).isZero();
    }

    @Test
    void visitThatIsOverHasNoNext() {
        Iterator<int[]> batches = new BatchSampler(TEN, 10, false).iterator();
        batches.next();

        assertThat(batches.hasNext()).isFalse();
        assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(batches::next);
    }
}
