package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import org.bytedeco.pytorch.Generator;
import org.jspecify.annotations.Nullable;

/**
 * What a worker of a {@link DataLoader} is told of itself: {@code torch.utils.data.get_worker_info()}.
 *
 * <p>Python's workers are processes with a default generator each. Here they are threads, and the default generator
 * is the training thread's alone: a dataset that needs chance takes it from {@link #generator}.
 */
public final class WorkerInfo {
    private static final ThreadLocal<@Nullable WorkerInfo> CURRENT = new ThreadLocal<>();

    private final int id;
    private final int numWorkers;
    private final long seed;
    private final Object dataset;
    private @Nullable Generator generator;

    WorkerInfo(int id, int numWorkers, long seed, Object dataset) {
        this.id = id;
        this.numWorkers = numWorkers;
        this.seed = seed;
        this.dataset = dataset;
    }

    /** The worker that the current thread is, or {@code null} on any other thread. */
    public static @Nullable WorkerInfo current() {
        return CURRENT.get();
    }

    /** 0 … {@link #numWorkers}−1. */
    public int id() {
        return id;
    }

    /** Number of workers of the loader. */
    public int numWorkers() {
        return numWorkers;
    }

    /** The loader's base seed plus {@link #id}. */
    public long seed() {
        return seed;
    }

    /** The loader's dataset: the one object that all workers share, not a copy as in Python's processes. */
    public Object dataset() {
        return dataset;
    }

    /** This worker's own generator, seeded with {@link #seed}; to be used on this worker's thread, and freed with it. */
    public Generator generator() {
        if (generator == null) {
            generator = TorchRandom.newGenerator(seed);
            // It outlives the scope of the batch that first asks for it.
            generator.retainReference();
        }
        return generator;
    }

    @Override
    public String toString() {
        return "WorkerInfo(id=" + id + ", num_workers=" + numWorkers + ", seed=" + seed + ", dataset=" + dataset + ")";
    }

    void enter() {
        CURRENT.set(this);
    }

    void leave() {
        CURRENT.remove();
        if (generator != null) {
            generator.close();
        }
    }
}
