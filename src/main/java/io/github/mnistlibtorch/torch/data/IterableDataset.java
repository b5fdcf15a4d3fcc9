package io.github.mnistlibtorch.torch.data;

import java.util.Iterator;

/**
 * A set of examples that can only be read in its own order: {@code torch.utils.data.IterableDataset}.
 *
 * <p>With several workers each of them reads an iterator of its own; {@link WorkerInfo#current} tells an iterator
 * which part is its.
 *
 * @param <T> type of an item
 */
public interface IterableDataset<T> {
    /** Begins to read, on the thread that will fetch the items: {@code iter(dataset)}. */
    Iterator<T> iterator();

    /**
     * Number of items, where it is known: {@code len(dataset)}.
     *
     * @throws UnsupportedOperationException if it is not
     */
    default int size() {
        throw new UnsupportedOperationException("object of type '" + getClass().getSimpleName() + "' has no len()");
    }
}
