package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.util.Iterator;
import org.bytedeco.pytorch.Generator;
import org.jspecify.annotations.Nullable;

/** Indices drawn in proportion to weights: {@code torch.utils.data.WeightedRandomSampler}. */
public final class WeightedRandomSampler implements Sampler<Integer> {
    private final double[] weights;
    private final int numSamples;
    private final boolean replacement;
    private final @Nullable Generator generator;

    /**
     * @param weights one for each index, not negative; they need not add up to one
     * @param numSamples indices per visit
     * @param replacement whether an index may come twice
     * @param generator where the indices come from, {@code null} for the default generator itself
     * @throws IllegalArgumentException if {@code numSamples} is not positive
     */
    public WeightedRandomSampler(double[] weights, int numSamples, boolean replacement, @Nullable Generator generator) {
        if (numSamples <= 0) {
            throw new IllegalArgumentException(
                    "num_samples should be a positive integer value, but got num_samples=" + numSamples);
        }
        this.weights = weights.clone();
        this.numSamples = numSamples;
        this.replacement = replacement;
        this.generator = generator;
    }

    @Override
    public Iterator<Integer> iterator() {
        return new LazyIndices(1, once -> TorchRandom.multinomial(weights, numSamples, replacement, generator));
    }

    @Override
    public int size() {
        return numSamples;
    }
}
