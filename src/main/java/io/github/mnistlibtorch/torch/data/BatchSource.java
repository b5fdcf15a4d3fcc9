package io.github.mnistlibtorch.torch.data;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Makes the batches of a loader out of a dataset. */
abstract class BatchSource<B> {
    /** A {@code null} would pass for the end of a stream. */
    private static final String NO_BATCH = "the dataset or the collate function returned null";

    private final Object dataset;
    private final IntSupplier size;
    private final boolean mapStyle;

    BatchSource(Dataset<?> dataset) {
        this.dataset = dataset;
        this.size = dataset::size;
        this.mapStyle = true;
    }

    BatchSource(IterableDataset<?> dataset) {
        this.dataset = dataset;
        this.size = dataset::size;
        this.mapStyle = false;
    }

    /** The dataset that {@link WorkerInfo#dataset} shows to workers. */
    final Object dataset() {
        return dataset;
    }

    /**
     * Number of items of the dataset.
     *
     * @throws UnsupportedOperationException if it is not known
     */
    final int size() {
        return size.getAsInt();
    }

    /** Whether indices mean items, so that a pass ends with them; of a stream, they only say how many items to take. */
    final boolean isMapStyle() {
        return mapStyle;
    }

    /** A reader for one pass, on the thread that calls this. */
    abstract Reader<B> reader(Options options);

    /**
     * Prepares for a pass, on the thread of the pass.
     *
     * @param inFlight how many batches may exist at once
     */
    void passBegins(Options options, int inFlight) {}

    /** Frees what a pass needed. */
    void passEnded() {}

    /**
     * The arguments of a loader that shape its batches.
     *
     * @param batchSize {@code null} if it is not known
     */
    record Options(@Nullable Integer batchSize, boolean dropLast, boolean pinMemory) {}

    /** Turns indices into a batch that owns its tensors. */
    @FunctionalInterface
    interface Reader<B> {
        /** Returns the batch, or {@code null} at the end of a stream. */
        @Nullable B read(int[] indices);

        /** Returns a reader that frees all tensors made on the way, except those of the batch. */
        default Reader<B> owning(boolean pinMemory) {
            return indices -> {
                try (TensorScope scope = TensorScope.open()) {
                    B batch = read(indices);
                    B placed = batch == null ? null : pinMemory ? pinned(batch) : batch;
                    Tensors.map(placed, tensor -> kept(scope, tensor));
                    return placed;
                }
            };
        }

        /** The batch will be freed. What was made outside of any scope, as in a dataset, has no owner to keep it alive then. */
        private static Tensor kept(TensorScope scope, Tensor tensor) {
            if (tensor.referenceCount() == 0) {
                tensor.retainReference();
            }
            return scope.keep(tensor);
        }

        @SuppressWarnings("unchecked") // a batch is mapped to one of its own type
        private static <B> B pinned(B batch) {
            return (B) requireNonNull(Tensors.map(batch, Tensor::pin_memory));
        }
    }

    /** A map-style dataset, of which {@code fetch} makes batches. */
    static <B> BatchSource<B> of(Dataset<?> dataset, Function<int[], B> fetch) {
        return new BatchSource<>(dataset) {
            @Override
            Reader<B> reader(Options options) {
                Reader<B> reader = indices -> requireNonNull(fetch.apply(indices), NO_BATCH);
                return reader.owning(options.pinMemory());
            }
        };
    }

    /** A stream, of which {@code collate} makes batches. */
    static <T, B> BatchSource<B> of(IterableDataset<T> dataset, Collate<T, B> collate) {
        return new BatchSource<>(dataset) {
            @Override
            Reader<B> reader(Options options) {
                Iterator<T> iterator = dataset.iterator();
                AtomicBoolean ended = new AtomicBoolean(); // a stream is not asked again
                Reader<B> reader = indices -> {
                    List<T> items = new ArrayList<>(indices.length);
                    while (!ended.get() && items.size() < indices.length) {
                        if (iterator.hasNext()) {
                            items.add(requireNonNull(iterator.next(), "an item of the dataset is null"));
                        } else {
                            ended.set(true);
                        }
                    }
                    boolean tooFew = items.isEmpty() || (options.dropLast() && items.size() < indices.length);
                    return tooFew ? null : requireNonNull(collate.collate(items), NO_BATCH);
                };
                return reader.owning(options.pinMemory());
            }
        };
    }
}
