package io.github.mnistlibtorch.torch.data;

/**
 * Moves batches somewhere else while the ones before them are in use; see {@link BatchIterator#ahead}. To be used by one
 * thread.
 *
 * @param <B> type of a batch
 */
public interface Prefetcher<B> extends AutoCloseable {
    /**
     * Starts to move a batch, and may return before that is done.
     *
     * @param batch freed as soon as this returns: who still reads from its memory then has to see to it that nobody
     *     writes there
     * @return the batch where it is going, not to be used before {@link #arrive}
     */
    B begin(B batch);

    /**
     * Makes a batch fit for use.
     *
     * @param batch what {@link #begin} returned for it
     * @return {@code batch}
     */
    B arrive(B batch);

    /** Ends the pass; a batch may be on its way, and does not arrive. */
    @Override
    void close();
}
