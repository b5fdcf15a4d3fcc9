package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One pass over a loader. It owns the batch that it gave last and frees it when it moves on, when it ends and when it
 * is closed; a loop that stops early should close it, which also ends the workers:
 *
 * <pre>{@code
 * try (var batches = loader.iterator()) {
 *     Batch first = batches.next();
 *     …
 * }
 * }</pre>
 *
 * <p>To be used by one thread at a time: who comes while another is at it gets an {@link IllegalStateException}, and
 * nothing is lost.
 *
 * @param <B> type of a batch
 */
public abstract class BatchIterator<B> implements Iterator<B>, AutoCloseable {
    private @Nullable B current;
    private volatile boolean closed;
    private final AtomicBoolean inUse = new AtomicBoolean();
    private final IntConsumer yielded;
    private int count;

    /** @param yielded told after each batch how many there were */
    BatchIterator(IntConsumer yielded) {
        this.yielded = yielded;
    }

    /** Whether there is another batch; if not, everything is freed at once. */
    @Override
    public final boolean hasNext() {
        enter();
        try {
            return goesOn();
        } finally {
            leave();
        }
    }

    /**
     * The next batch, valid until the next call.
     *
     * @throws NoSuchElementException at the end
     * @throws RuntimeException what the dataset or the collate function threw for this batch; the batches after it
     *     can still be had
     */
    @Override
    public final B next() {
        enter();
        try {
            if (!goesOn()) {
                throw new NoSuchElementException();
            }
            freeCurrent();
            B batch = fetch();
            current = batch;
            yielded.accept(++count);
            return batch;
        } finally {
            leave();
        }
    }

    /**
     * This pass, with {@code operator} applied to each batch as it is asked for. The new pass owns what the operator
     * makes, and this one.
     */
    public final BatchIterator<B> map(UnaryOperator<B> operator) {
        return new MappedIterator<>(this, operator);
    }

    /**
     * This pass, one batch ahead of its user: a batch is on its way while the one before it is in use. Batches and
     * failures come in the same order, and each when it is asked for. The new pass owns what {@code transfer} makes, and
     * closes it, and this one.
     */
    public final BatchIterator<B> ahead(Prefetcher<B> transfer) {
        return new PrefetchIterator<>(this, transfer);
    }

    /** Frees the last batch and ends the pass. */
    @Override
    public final void close() {
        enter();
        try {
            finish();
        } finally {
            leave();
        }
    }

    /** Whether this has been closed, or its last batch was taken. */
    final boolean hasEnded() {
        return closed;
    }

    private boolean goesOn() {
        if (closed) {
            return false;
        }
        if (more()) {
            return true;
        }
        finish();
        return false;
    }

    private void finish() {
        try {
            freeCurrent();
        } finally {
            if (!closed) {
                closed = true;
                end();
            }
        }
    }

    private void enter() {
        if (!inUse.compareAndSet(false, true)) {
            throw new IllegalStateException("this pass over the loader is in use: it is for one thread at a time");
        }
    }

    private void leave() {
        inUse.set(false);
    }

    private void freeCurrent() {
        B batch = current;
        current = null;
        Tensors.close(batch);
    }

    /** Whether another batch can be fetched. */
    abstract boolean more();

    /** Fetches the batch that {@link #more} has announced. */
    abstract B fetch();

    /** Ends the pass; called once. */
    abstract void end();
}
