package io.github.mnistlibtorch.torch.data;

import java.util.Iterator;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;

/** Indices 0 … n−1 in order: {@code torch.utils.data.SequentialSampler}. Draws nothing. */
public final class SequentialSampler implements Sampler<Integer> {
    private final IntSupplier dataSize;

    /** @param dataSize size of the dataset, asked for at each use; a dataset may grow */
    public SequentialSampler(IntSupplier dataSize) {
        this.dataSize = dataSize;
    }

    @Override
    public Iterator<Integer> iterator() {
        return IntStream.range(0, size()).iterator();
    }

    @Override
    public int size() {
        return dataSize.getAsInt();
    }
}
