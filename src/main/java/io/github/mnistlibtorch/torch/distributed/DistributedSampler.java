package io.github.mnistlibtorch.torch.distributed;

import io.github.mnistlibtorch.torch.data.Sampler;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.util.Iterator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Generator;

/**
 * One process's share of a dataset: {@code torch.utils.data.distributed.DistributedSampler}. The order is that of Python,
 * index by index; the default generator is not drawn from.
 */
public final class DistributedSampler implements Sampler<Integer> {
    private final int dataSize;
    private final int numReplicas;
    private final int rank;
    private final boolean shuffle;
    private final long seed;
    private final boolean dropLast;
    private int epoch;

    /**
     * {@code DistributedSampler(dataset, num_replicas, rank, shuffle, seed, drop_last)}.
     *
     * @param dataSize size of the dataset, at least 1
     * @param numReplicas number of processes
     * @param rank of this one
     * @param shuffle whether each epoch has another order
     * @param seed the same in all processes
     * @param dropLast whether what does not go round is left out; otherwise the first indices come twice
     * @throws IllegalArgumentException if {@code rank} is out of range
     */
    public DistributedSampler(int dataSize, int numReplicas, int rank, boolean shuffle, long seed, boolean dropLast) {
        if (rank < 0 || rank >= numReplicas) {
            throw new IllegalArgumentException(
                    "Invalid rank " + rank + ", rank should be in the interval [0, " + (numReplicas - 1) + "]");
        }
        this.dataSize = dataSize;
        this.numReplicas = numReplicas;
        this.rank = rank;
        this.shuffle = shuffle;
        this.seed = seed;
        this.dropLast = dropLast;
    }

    /** Chooses the order of the next visit: {@code sampler.set_epoch(epoch)}. */
    public void setEpoch(int epoch) {
        this.epoch = epoch;
    }

    @Override
    public Iterator<Integer> iterator() {
        int[] order = order();
        // Padding goes round the order again from its beginning.
        return IntStream.range(0, size())
                .map(i -> order[(int) (((long) i * numReplicas + rank) % order.length)])
                .iterator();
    }

    private int[] order() {
        if (!shuffle) {
            return IntStream.range(0, dataSize).toArray();
        }
        try (Generator generator = TorchRandom.newGenerator(seed + epoch)) {
            return TorchRandom.randperm(dataSize, generator);
        }
    }

    @Override
    public int size() {
        return dropLast ? dataSize / numReplicas : (int) (((long) dataSize + numReplicas - 1) / numReplicas);
    }
}
