package io.github.mnistlibtorch.torch.data;

import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** Groups of indices: {@code torch.utils.data.BatchSampler}. Draws nothing itself. */
public final class BatchSampler implements Sampler<int[]> {
    private static final int FIRST_LENGTH = 1024;

    private final Sampler<Integer> sampler;
    private final int batchSize;
    private final boolean dropLast;

    /**
     * @param dropLast whether a last batch of fewer than {@code batchSize} indices is left out
     * @throws IllegalArgumentException if {@code batchSize} is not positive
     */
    public BatchSampler(Sampler<Integer> sampler, int batchSize, boolean dropLast) {
        if (batchSize <= 0) {
            throw new IllegalArgumentException(
                    "batch_size should be a positive integer value, but got batch_size=" + batchSize);
        }
        this.sampler = sampler;
        this.batchSize = batchSize;
        this.dropLast = dropLast;
    }

    @Override
    public Iterator<int[]> iterator() {
        Iterator<Integer> indices = sampler.iterator();
        return new Iterator<>() {
            private int[] next = {};

            @Override
            public boolean hasNext() {
                if (next.length == 0) {
                    next = pull(indices);
                }
                return next.length > 0;
            }

            @Override
            public int[] next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                int[] batch = next;
                next = new int[0];
                return batch;
            }
        };
    }

    @Override
    public int size() {
        return batches(sampler.size(), batchSize, dropLast);
    }

    /** Number of batches that so many items make. */
    static int batches(int items, int batchSize, boolean dropLast) {
        return dropLast ? items / batchSize : (int) (((long) items + batchSize - 1) / batchSize);
    }

    /** Asks for no index more than the batch holds: the one after it may be a draw. */
    private int[] pull(Iterator<Integer> indices) {
        // Grows with what arrives: a batch size may be far beyond the dataset.
        int[] batch = new int[Math.min(batchSize, FIRST_LENGTH)];
        int count = 0;
        while (count < batchSize && indices.hasNext()) {
            if (count == batch.length) {
                batch = Arrays.copyOf(batch, (int) Math.min(batchSize, 2L * count));
            }
            batch[count++] = indices.next();
        }
        return dropLast && count < batchSize ? new int[0] : Arrays.copyOf(batch, count);
    }
}
