package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.lang.ref.Cleaner;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Loads a dataset in batches: {@code torch.utils.data.DataLoader}.
 *
 * <pre>{@code
 * DataLoader<Batch> loader =
 *         DataLoader.of(dataset).batchSize(128).shuffle(true).numWorkers(4).pinMemory(true).build();
 * for (Batch batch : loader) {
 *     … // batch.images() (128, 1, 28, 28), batch.labels() (128)
 * }
 * }</pre>
 *
 * <p>The random stream is Python's: each pass draws a base seed, and a shuffled one a sampler seed, from the default
 * generator, at the moments at which Python does, with or without workers. Workers are threads; they take no part in
 * the stream. A batch belongs to the pass and is freed when the pass moves on ({@link BatchIterator}).
 *
 * <p>The arguments of a loader do not change once it is built; the dataset may grow between passes. A loader is used by
 * one thread at a time.
 *
 * @param <B> type of a batch
 */
public final class DataLoader<B> implements Iterable<B>, AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create();
    private static final int DEFAULT_PREFETCH_FACTOR = 2;

    /** Python's sentence, where each worker has its own iterator of the stream. */
    private static final String REPLICAS = "For multiprocessing data-loading, this could be caused by not properly"
            + " configuring the IterableDataset replica at each worker. Please see"
            + " https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples.";

    /** So many passes may be unfinished before forgotten ones are sought. */
    private static final int UNFINISHED = 8;

    private final BatchSource<B> source;
    private final BatchSource.Options options;
    private final Sampler<int[]> indices;
    private final int numWorkers;
    private final int prefetchFactor;
    private final boolean pinMemory;
    private final boolean persistentWorkers;
    private final boolean inOrder;
    private final Duration timeout;
    private final IntConsumer workerInit;
    private final @Nullable Generator generator;

    private @Nullable WorkerPool<B> persistentPool;
    private Cleaner.@Nullable Cleanable persistentPoolCleaner;
    private @Nullable Integer announcedSize;

    /** Passes with workers of their own, which this must not keep alive; those that have ended are among them for a while. */
    private final List<WeakReference<BatchIterator<B>>> unfinished = new ArrayList<>();

    private int mostUnfinished = UNFINISHED;

    private DataLoader(Builder<B> builder, BatchSource<B> source, Sampler<int[]> indices, int prefetchFactor) {
        this.source = source;
        this.indices = indices;
        this.options = new BatchSource.Options(
                builder.unbatched || builder.batchSampler != null ? null : builder.size(),
                builder.dropLast,
                builder.pinMemory && torch.cuda_is_available());
        this.numWorkers = builder.numWorkers;
        this.prefetchFactor = prefetchFactor;
        this.pinMemory = builder.pinMemory;
        this.persistentWorkers = builder.persistentWorkers;
        this.inOrder = builder.inOrder;
        this.timeout = builder.timeout;
        this.workerInit = builder.workerInit;
        this.generator = builder.generator;
        warnOfTooManyWorkers();
    }

    /**
     * A loader of images with their labels: {@code DataLoader(dataset, …)}. Of an {@link ImageDataset}, or a subset of
     * one, the batches of a pass share a few pieces of memory; what is kept of a batch is not touched.
     */
    public static Builder<Batch> of(Dataset<LabeledImage> dataset) {
        ImageDataset images = ImageSubset.of(dataset);
        return images == null ? of(dataset, Batch::of) : new Builder<>(() -> new BatchPool(dataset, images), false);
    }

    /**
     * A loader of anything: {@code DataLoader(dataset, collate_fn=collate, …)}.
     *
     * @param collate {@link DefaultCollate#collate} for Python's default
     */
    public static <T, B> Builder<B> of(Dataset<T> dataset, Collate<T, B> collate) {
        return new Builder<>(
                () -> BatchSource.of(dataset, indices -> collate.collate(dataset.getItems(indices))), false);
    }

    /** A loader that reads a stream of items: {@code DataLoader(iterable_dataset, collate_fn=collate, …)}. */
    public static <T, B> Builder<B> of(IterableDataset<T> dataset, Collate<T, B> collate) {
        return new Builder<>(() -> BatchSource.of(dataset, collate), false);
    }

    /** A loader that gives the items one by one, as they are: {@code DataLoader(dataset, batch_size=None, …)}. */
    public static <T> Builder<T> unbatched(Dataset<T> dataset) {
        return new Builder<>(() -> BatchSource.of(dataset, indices -> dataset.get(indices[0])), true);
    }

    /** The same for a stream of items. */
    public static <T> Builder<T> unbatched(IterableDataset<T> dataset) {
        return new Builder<>(() -> BatchSource.of(dataset, items -> items.get(0)), true);
    }

    /**
     * Begins a pass: {@code iter(loader)}. Draws the base seed and, with workers, pulls the first indices.
     *
     * @throws IllegalStateException if a timeout was set without workers, or a prefetch factor of 0
     */
    @Override
    public BatchIterator<B> iterator() {
        if (pinMemory && !torch.cuda_is_available()) {
            Warnings.warn("'pin_memory' argument is set as true but no accelerator is found,"
                    + " then device pinned memory won't be used.");
        }
        if (numWorkers == 0) {
            if (!timeout.isZero()) {
                throw new IllegalStateException("a DataLoader without workers requires timeout == 0");
            }
            Iterator<int[]> visit = indices.iterator();
            drawBaseSeed();
            return new SingleProcessIterator<>(visit, source, options, lengthCheck());
        }
        if (prefetchFactor == 0) {
            throw new IllegalStateException("prefetch_factor must be greater than 0 for a DataLoader with workers");
        }
        warnOfTooManyWorkers();
        source.passBegins(options, prefetchFactor * numWorkers + 1);
        return persistentWorkers ? persistentPass() : passWithItsOwnWorkers();
    }

    /**
     * Number of batches in a pass: {@code len(loader)}. Asked of the dataset each time, as that may grow.
     *
     * @throws UnsupportedOperationException if the dataset or the sampler does not know
     */
    public int size() {
        if (source.isMapStyle()) {
            return indices.size();
        }
        int items = source.size();
        announcedSize = items;
        Integer batchSize = batchSize();
        return batchSize == null ? items : BatchSampler.batches(items, batchSize, options.dropLast());
    }

    /**
     * Examples in a batch: {@code loader.batch_size}.
     *
     * @return {@code null} if the loader does not batch, or a batch sampler says how many
     */
    public @Nullable Integer batchSize() {
        return options.batchSize();
    }

    /** {@code loader.num_workers}. */
    public int numWorkers() {
        return numWorkers;
    }

    /** Ends the workers of a loader with {@code persistentWorkers}; any other has nothing to close. */
    @Override
    public void close() {
        if (persistentPool != null && persistentPoolCleaner != null) {
            persistentPoolCleaner.clean();
            persistentPool.join();
            persistentPool = null;
        }
    }

    /**
     * Ends passes that were left in the middle and forgotten, if there are many: the garbage collector alone knows which these are,
     * and may not look for long, as the threads and batches of a pass are no memory of Java's.
     */
    private synchronized void endForgottenPasses() {
        unfinished.removeIf(DataLoader::hasEnded);
        if (unfinished.size() < mostUnfinished) {
            return;
        }
        System.gc();
        unfinished.removeIf(DataLoader::hasEnded);
        mostUnfinished = Math.max(UNFINISHED, 2 * unfinished.size()); // those are in use
    }

    private static boolean hasEnded(WeakReference<? extends BatchIterator<?>> reference) {
        BatchIterator<?> pass = reference.get();
        return pass == null || pass.hasEnded();
    }

    private BatchIterator<B> passWithItsOwnWorkers() {
        endForgottenPasses();
        Iterator<int[]> visit = indices.iterator();
        WorkerPool<B> pool = newPool();
        pool.start();
        try {
            BatchIterator<B> pass = pass(pool, visit, ended -> {
                pool.stop();
                pool.join();
                source.passEnded();
            });
            synchronized (this) {
                unfinished.add(new WeakReference<>(pass));
            }
            BatchSource<B> batches = source; // the cleaner must not keep this loader alive
            CLEANER.register(pass, () -> {
                pool.stop();
                batches.passEnded();
            });
            return pass;
        } catch (Throwable e) {
            pool.stop();
            source.passEnded();
            throw e;
        }
    }

    private BatchIterator<B> persistentPass() {
        Iterator<int[]> visit = indices.iterator();
        WorkerPool<B> pool = persistentPool;
        if (pool == null) {
            pool = newPool();
            pool.start();
            persistentPool = pool;
            persistentPoolCleaner = CLEANER.register(this, pool::stop);
        }
        WorkerPool<B> workers = pool;
        return pass(pool, visit, pass -> {
            workers.endPass(pass);
            source.passEnded();
        });
    }

    private BatchIterator<B> pass(WorkerPool<B> pool, Iterator<int[]> visit, IntConsumer atEnd) {
        return new WorkerIterator<>(
                pool, visit, source.isMapStyle(), prefetchFactor, inOrder, timeout, atEnd, lengthCheck());
    }

    private WorkerPool<B> newPool() {
        BatchSource<B> batches = source; // the workers must not keep this loader alive
        BatchSource.Options shape = options;
        return new WorkerPool<>(numWorkers, drawBaseSeed(), source.dataset(), () -> batches.reader(shape), workerInit);
    }

    private long drawBaseSeed() {
        return TorchRandom.nextInt64(generator);
    }

    /** Compares batches, not items, with the length of the dataset: so does Python. */
    private IntConsumer lengthCheck() {
        Integer announced = announcedSize;
        return announced == null
                ? yielded -> {}
                : yielded -> {
                    if (yielded > announced) {
                        Warnings.warn(
                                "Length of IterableDataset " + source.dataset() + " was reported to be " + announced
                                        + " (when accessing size() of the DataLoader), but " + yielded
                                        + " samples have been fetched. "
                                        + (numWorkers == 0 ? "" : REPLICAS));
                    }
                };
    }

    private void warnOfTooManyWorkers() {
        int processors = Runtime.getRuntime().availableProcessors();
        if (numWorkers > processors) {
            Warnings.warn("This DataLoader will create " + numWorkers + " worker threads in total. Our suggested max"
                    + " number of worker in current system is " + processors + ", which is smaller than what this"
                    + " DataLoader is going to create. Please be aware that excessive worker creation might get"
                    + " DataLoader running slow or even freeze, lower the worker number to avoid potential"
                    + " slowness/freeze if necessary.");
        }
    }

    /**
     * The arguments of {@code DataLoader(…)}, under their Python names. {@link #build} checks how they go together.
     *
     * @param <B> type of a batch
     */
    public static final class Builder<B> {
        private final Supplier<BatchSource<B>> sources;
        private final boolean unbatched;
        private @Nullable Integer batchSize;
        private boolean shuffle;
        private @Nullable Sampler<Integer> sampler;
        private @Nullable Sampler<int[]> batchSampler;
        private int numWorkers;
        private boolean pinMemory;
        private boolean dropLast;
        private Duration timeout = Duration.ZERO;
        private IntConsumer workerInit = id -> {};
        private @Nullable Generator generator;
        private @Nullable Integer prefetchFactor;
        private boolean persistentWorkers;
        private boolean inOrder = true;
        private @Nullable Consumer<int[]> indexListener;

        private Builder(Supplier<BatchSource<B>> sources, boolean unbatched) {
            this.sources = sources;
            this.unbatched = unbatched;
        }

        /** Examples in a batch; 1 unless it is set. */
        public Builder<B> batchSize(int batchSize) {
            this.batchSize = batchSize;
            return this;
        }

        /** Whether each pass visits the dataset in a new random order ({@link RandomSampler}). */
        public Builder<B> shuffle(boolean shuffle) {
            this.shuffle = shuffle;
            return this;
        }

        /** The order of the indices. */
        public Builder<B> sampler(Sampler<Integer> sampler) {
            this.sampler = sampler;
            return this;
        }

        /** The indices of each batch. */
        public Builder<B> batchSampler(Sampler<int[]> batchSampler) {
            this.batchSampler = batchSampler;
            return this;
        }

        /** Threads that fetch batches ahead; 0, the default, fetches on the thread that asks. */
        public Builder<B> numWorkers(int numWorkers) {
            this.numWorkers = numWorkers;
            return this;
        }

        /** Whether batches are put into pinned memory, from which a GPU copies faster; without CUDA, a warning. */
        public Builder<B> pinMemory(boolean pinMemory) {
            this.pinMemory = pinMemory;
            return this;
        }

        /** Whether a last, short batch is left out. */
        public Builder<B> dropLast(boolean dropLast) {
            this.dropLast = dropLast;
            return this;
        }

        /** How long to wait for a batch of a worker; zero, the default, for as long as it takes. */
        public Builder<B> timeout(Duration timeout) {
            this.timeout = timeout;
            return this;
        }

        /** Called once in each worker with its id, before it fetches anything: {@code worker_init_fn}. */
        public Builder<B> workerInit(IntConsumer workerInit) {
            this.workerInit = workerInit;
            return this;
        }

        /** Where base seed and shuffled order come from, instead of the default generator; it stays the caller's. */
        public Builder<B> generator(Generator generator) {
            this.generator = generator;
            return this;
        }

        /** Batches on the way for each worker; 2 unless it is set. */
        public Builder<B> prefetchFactor(int prefetchFactor) {
            this.prefetchFactor = prefetchFactor;
            return this;
        }

        /** Whether workers live on from pass to pass. Passes after the first then draw no base seed, as in Python. */
        public Builder<B> persistentWorkers(boolean persistentWorkers) {
            this.persistentWorkers = persistentWorkers;
            return this;
        }

        /** Whether batches come in the order of the sampler (the default) or as soon as they are ready. */
        public Builder<B> inOrder(boolean inOrder) {
            this.inOrder = inOrder;
            return this;
        }

        /**
         * Told the indices of each batch, in the order of the batches, as soon as the loader pulls them from the sampler,
         * on the thread of the pass. With workers that is some batches ahead.
         */
        public Builder<B> onIndices(Consumer<int[]> indexListener) {
            this.indexListener = indexListener;
            return this;
        }

        /**
         * The loader. Draws nothing.
         *
         * @throws IllegalArgumentException if two arguments exclude each other or one is out of range, in the words
         *     of Python's {@code ValueError}
         */
        public DataLoader<B> build() {
            LibTorch.ensureStarted();
            require(
                    numWorkers >= 0,
                    "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.");
            require(!timeout.isNegative(), "timeout option should be non-negative");
            require(
                    numWorkers > 0 || prefetchFactor == null,
                    "prefetch_factor option could only be specified in multiprocessing."
                            + "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None.");
            int prefetch = prefetchFactor == null ? DEFAULT_PREFETCH_FACTOR : prefetchFactor;
            require(prefetch >= 0, "prefetch_factor option should be non-negative");
            require(!persistentWorkers || numWorkers > 0, "persistent_workers option needs num_workers > 0");
            BatchSource<B> source = sources.get();
            if (!source.isMapStyle()) {
                requireUnspecified("shuffle", shuffle ? "True" : null);
                requireUnspecified("sampler", sampler);
                requireUnspecified("batch_sampler", batchSampler);
            }
            require(sampler == null || !shuffle, "sampler option is mutually exclusive with shuffle");
            require(
                    batchSampler == null || (size() == 1 && !unbatched && !shuffle && sampler == null && !dropLast),
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last");
            require(
                    !unbatched || batchSize == null,
                    "batch_size=None option, which is unbatched(...), is mutually exclusive with batch_size");
            require(
                    !unbatched || !dropLast,
                    "batch_size=None option disables auto-batching and is mutually exclusive with drop_last");
            Sampler<int[]> indices = indices(source);
            return new DataLoader<>(
                    this,
                    source,
                    indexListener == null ? indices : new ObservedSampler<>(indices, indexListener),
                    prefetch);
        }

        private int size() {
            return batchSize == null ? 1 : batchSize;
        }

        private Sampler<int[]> indices(BatchSource<B> source) {
            if (batchSampler != null) {
                return batchSampler;
            }
            Sampler<Integer> order = order(source);
            return unbatched ? new BatchSampler(order, 1, false) : new BatchSampler(order, size(), dropLast);
        }

        private Sampler<Integer> order(BatchSource<B> source) {
            if (sampler != null) {
                return sampler;
            }
            if (!source.isMapStyle()) {
                return () -> IntStream.generate(() -> 0).iterator(); // the indices of a stream mean nothing
            }
            return shuffle
                    ? new RandomSampler(source::size, false, null, generator)
                    : new SequentialSampler(source::size);
        }

        private static void requireUnspecified(String option, @Nullable Object value) {
            require(
                    value == null,
                    "DataLoader with IterableDataset: expected unspecified " + option + " option, but got " + option
                            + "=" + value);
        }

        private static void require(boolean holds, String message) {
            if (!holds) {
                throw new IllegalArgumentException(message);
            }
        }
    }
}
