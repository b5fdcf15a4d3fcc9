package io.github.mnistlibtorch.data;

import io.github.mnistlibtorch.data.WorkerPool.Task;
import io.github.mnistlibtorch.libtorch.PythonFormat;
import java.lang.reflect.Constructor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.Iterator;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A pass whose batches are fetched ahead by workers. Batches are dealt to the workers in turn and come back in that
 * order; at most {@code prefetchFactor} for each worker are on the way.
 */
final class WorkerIterator<B> extends BatchIterator<B> {
    private final WorkerPool<B> pool;
    private final int pass;
    private final Iterator<int[]> indices;
    private final boolean endIsKnown;
    private final boolean inOrder;
    private final Duration timeout;
    private final Runnable atEnd;

    private final Deque<Task<B>> inFlight = new ArrayDeque<>();
    private final BitSet exhausted = new BitSet();
    private int nextWorker;
    private @Nullable Task<B> ready;

    /**
     * Pulls the first indices at once, as Python does.
     *
     * @param endIsKnown whether the pass ends with the indices; otherwise only the workers can tell
     * @param atEnd what to do with the pool when the pass is over
     */
    WorkerIterator(
            WorkerPool<B> pool,
            Iterator<int[]> indices,
            boolean endIsKnown,
            int prefetchFactor,
            boolean inOrder,
            Duration timeout,
            Runnable atEnd,
            IntConsumer yielded) {
        super(yielded);
        this.pool = pool;
        this.pass = pool.beginPass();
        this.indices = indices;
        this.endIsKnown = endIsKnown;
        this.inOrder = inOrder;
        this.timeout = timeout;
        this.atEnd = atEnd;
        for (int i = 0; i < prefetchFactor * pool.size(); i++) {
            dispatch();
        }
    }

    @Override
    boolean more() {
        if (endIsKnown) {
            return ready != null || !inFlight.isEmpty();
        }
        while (ready == null && !inFlight.isEmpty()) {
            Task<B> task = await();
            if (outcome(task).isEnd()) {
                exhausted.set(task.worker);
                dispatch();
            } else {
                ready = task;
            }
        }
        return ready != null;
    }

    @Override
    B fetch() {
        Task<B> task = ready == null ? await() : ready;
        ready = null;
        dispatch();
        Outcome<B> outcome = outcome(task);
        return outcome.failure() == null ? outcome.get() : rethrow(outcome.failure(), task.worker);
    }

    @Override
    void end() {
        if (ready != null) {
            WorkerPool.free(ready);
        }
        inFlight.forEach(WorkerPool::free);
        atEnd.run();
    }

    /** Deals one more batch to the next worker that has not come to its end. */
    private void dispatch() {
        if (exhausted.cardinality() == pool.size() || !indices.hasNext()) {
            return;
        }
        while (exhausted.get(nextWorker)) {
            nextWorker = (nextWorker + 1) % pool.size();
        }
        Task<B> task = new Task<>(nextWorker, pass, indices.next());
        inFlight.add(task);
        pool.submit(task);
        nextWorker = (nextWorker + 1) % pool.size();
    }

    /** The next task in order (or, if order does not matter, the first that is done), taken out of the flight. */
    private Task<B> await() {
        while (true) {
            Task<B> head = inFlight.element();
            if (head.outcome() != null) {
                return inFlight.remove();
            }
            Task<B> done = awaitAny();
            if (!inOrder) {
                inFlight.remove(done);
                return done;
            }
        }
    }

    private Task<B> awaitAny() {
        if (!pool.isCurrent(pass)) {
            throw new IllegalStateException(
                    "this pass is over: the loader keeps its workers and a newer pass uses them, or it was closed");
        }
        try {
            Task<B> done = pool.await(timeout);
            if (done == null) {
                throw new IllegalStateException("DataLoader timed out after " + seconds(timeout) + " seconds");
            }
            return done;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for a batch of the DataLoader", e);
        }
    }

    private static <B> Outcome<B> outcome(Task<B> task) {
        Outcome<B> outcome = task.outcome();
        if (outcome == null) {
            throw new IllegalStateException("a task came back without an outcome");
        }
        return outcome;
    }

    /** Throws an exception of the same type that names the worker, with the original as its cause. */
    private static <B> B rethrow(Throwable failure, int worker) {
        if (failure instanceof Error error) {
            throw error;
        }
        String message = "Caught " + failure.getClass().getSimpleName() + " in DataLoader worker " + worker + ": "
                + failure.getMessage();
        RuntimeException same;
        try {
            Constructor<? extends Throwable> constructor = failure.getClass().getConstructor(String.class);
            same = (RuntimeException) constructor.newInstance(message).initCause(failure);
        } catch (ReflectiveOperationException | ClassCastException | IllegalStateException e) {
            same = new RuntimeException(message, failure);
        }
        throw same;
    }

    private static String seconds(Duration duration) {
        return duration.getNano() == 0
                ? Long.toString(duration.toSeconds())
                : PythonFormat.repr(duration.toNanos() / 1e9);
    }
}
