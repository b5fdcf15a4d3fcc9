package io.github.mnistlibtorch.data;

/** Where the batches of a loader come from. */
interface Source<B> {
    /** For a pass on one thread. */
    Fetcher<B> fetcher();

    /** A pass is over: what it needed can go. */
    default void passEnded() {}
}
