package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.util.Arrays;
import java.util.Iterator;
import org.bytedeco.pytorch.Generator;
import org.jspecify.annotations.Nullable;

/** Given indices in random order, each once: {@code torch.utils.data.SubsetRandomSampler}. */
public final class SubsetRandomSampler implements Sampler<Integer> {
    private final int[] indices;
    private final @Nullable Generator generator;

    /** @param generator where the order comes from, {@code null} for the default generator itself */
    public SubsetRandomSampler(int[] indices, @Nullable Generator generator) {
        this.indices = indices.clone();
        this.generator = generator;
    }

    @Override
    public Iterator<Integer> iterator() {
        return new LazyIndices(
                1,
                once -> Arrays.stream(TorchRandom.randperm(indices.length, generator))
                        .map(position -> indices[position])
                        .toArray());
    }

    @Override
    public int size() {
        return indices.length;
    }
}
