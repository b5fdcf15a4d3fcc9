package io.github.mnistlibtorch.torch.data;

/** Where the batches of a loader come from. */
interface BatchSource<B> {
    /** For a pass on one thread. */
    Fetcher<B> fetcher();

    /**
     * A pass begins, on the thread of the pass.
     *
     * @param inFlight batches that exist at once, at most
     */
    default void passBegins(int inFlight) {}

    /** A pass is over: what it needed can go. */
    default void passEnded() {}
}
