package io.github.mnistlibtorch.torch.data;

import java.util.Collection;
import java.util.Iterator;

/**
 * The order in which a loader visits a dataset: {@code torch.utils.data.Sampler}. Every iterator is a new visit.
 *
 * <p>Iterators draw their random numbers when the first index is asked for, not before, and on the thread that asks:
 * that is when Python draws them.
 *
 * @param <I> {@code Integer} for single indices, {@code int[]} for whole batches of them
 */
public interface Sampler<I> extends Iterable<I> {
    /**
     * Number of elements in one visit: {@code len(sampler)}.
     *
     * @throws UnsupportedOperationException if it is not known
     */
    default int size() {
        throw new UnsupportedOperationException("object of type '" + getClass().getSimpleName() + "' has no len()");
    }

    /** The elements of a collection, in its order. */
    static <I> Sampler<I> of(Collection<I> elements) {
        return new Sampler<>() {
            @Override
            public Iterator<I> iterator() {
                return elements.iterator();
            }

            @Override
            public int size() {
                return elements.size();
            }
        };
    }
}
