package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** Turns indices into a batch that owns its tensors; used by one thread. */
@FunctionalInterface
interface Fetcher<B> {
    /** The batch, or nothing when an iterable dataset has no more. */
    Optional<B> fetch(int[] indices);

    /** Items of a map-style dataset, collated. */
    static <T, B> Fetcher<B> of(Dataset<T> dataset, Collate<T, B> collate) {
        return indices -> Optional.of(collate.collate(dataset.getItems(indices)));
    }

    /** Items of a map-style dataset, one by one, as they are. */
    static <T> Fetcher<T> of(Dataset<T> dataset) {
        return indices -> Optional.of(dataset.get(indices[0]));
    }

    /** Items of an iterable dataset, collated; the indices only say how many. */
    static <T, B> Fetcher<B> of(IterableDataset<T> dataset, Collate<T, B> collate, boolean dropLast) {
        Iterator<T> iterator = dataset.iterator();
        return indices -> {
            List<T> items = new ArrayList<>(indices.length);
            while (items.size() < indices.length && iterator.hasNext()) {
                items.add(iterator.next());
            }
            boolean tooFew = items.isEmpty() || (dropLast && items.size() < indices.length);
            return tooFew ? Optional.empty() : Optional.of(collate.collate(items));
        };
    }

    /** Items of an iterable dataset, one by one, as they are. */
    static <T> Fetcher<T> of(IterableDataset<T> dataset) {
        Iterator<T> iterator = dataset.iterator();
        return indices -> iterator.hasNext() ? Optional.of(iterator.next()) : Optional.empty();
    }

    /**
     * This fetcher, such that everything it makes on the way is freed and the tensors of the batch are not.
     *
     * @param pin whether to move the batch into pinned memory
     */
    default Fetcher<B> owning(boolean pin) {
        return indices -> {
            try (TensorScope scope = TensorScope.open()) {
                return fetch(indices).map(batch -> Tensors.keep(scope, pin ? pinned(batch) : batch));
            }
        };
    }

    @SuppressWarnings("unchecked") // a batch is mapped to one of its own type
    private static <B> B pinned(B batch) {
        return (B) Objects.requireNonNull(Tensors.map(batch, Tensor::pin_memory));
    }
}
