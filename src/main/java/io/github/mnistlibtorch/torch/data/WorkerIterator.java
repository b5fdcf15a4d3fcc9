package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.data.WorkerPool.Task;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import java.lang.reflect.Constructor;
import java.lang.reflect.InaccessibleObjectException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A pass whose batches are fetched ahead by workers. Batches are dealt to the workers in turn and come back in that
 * order; at most {@code prefetchFactor} for each worker are on the way.
 */
final class WorkerIterator<B> extends BatchIterator<B> {
    private final WorkerPool<B> pool;
    private final int pass;
    private final int prefetchFactor;
    private final Iterator<int[]> indices;
    private final boolean endIsKnown;
    private final boolean inOrder;
    private final Duration timeout;
    private final IntConsumer atEnd;

    private final Deque<Task<B>> inFlight = new ArrayDeque<>();
    private final Set<Task<B>> arrived = new HashSet<>(); // those in flight that are done, but not yet their turn
    private final BitSet exhausted = new BitSet();
    private int nextWorker;
    private @Nullable Task<B> ready;

    /**
     * Pulls the first indices at once, as Python does.
     *
     * @param endIsKnown whether the pass ends with the indices; otherwise only the workers can tell
     * @param atEnd what to do with the pool when the pass is over, told its number
     */
    WorkerIterator(
            WorkerPool<B> pool,
            Iterator<int[]> indices,
            boolean endIsKnown,
            int prefetchFactor,
            boolean inOrder,
            Duration timeout,
            IntConsumer atEnd,
            IntConsumer yielded) {
        super(yielded);
        this.pool = pool;
        this.pass = pool.beginPass();
        this.prefetchFactor = prefetchFactor;
        this.indices = indices;
        this.endIsKnown = endIsKnown;
        this.inOrder = inOrder;
        this.timeout = timeout;
        this.atEnd = atEnd;
        while (inFlight.size() < maxInFlight() && dispatch()) {
            continue;
        }
    }

    @Override
    boolean more() {
        if (endIsKnown) {
            return ready != null || !inFlight.isEmpty();
        }
        while (ready == null && !inFlight.isEmpty()) {
            Task<B> task = await();
            if (task.result().isEnd()) {
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
        try {
            dispatch();
        } catch (Throwable e) { // of the sampler
            task.free();
            throw e;
        }
        FetchResult<B> result = task.result();
        return result.failure() == null ? result.get() : rethrow(result.failure(), task.worker);
    }

    @Override
    void end() {
        if (ready != null) {
            ready.free();
        }
        arrived.forEach(Task::free);
        atEnd.accept(pass);
    }

    private long maxInFlight() {
        return (long) prefetchFactor * pool.size();
    }

    /** Deals one more batch to the next worker that can take it; says whether there was one. */
    private boolean dispatch() {
        int worker = nextWorker;
        for (int tried = 0; !canTake(worker); tried++) {
            if (tried == pool.size()) {
                return false;
            }
            worker = (worker + 1) % pool.size();
        }
        if (!indices.hasNext()) {
            return false;
        }
        Task<B> task = new Task<>(worker, pass, indices.next());
        inFlight.add(task);
        // Short, when fewer than a quarter of those on the way are ready.
        pool.submit(task, 4 * (arrived.size() + pool.ready()) < inFlight.size());
        nextWorker = (worker + 1) % pool.size();
        return true;
    }

    /** Where order does not matter, a slow worker is given no more than its share of what is in flight. */
    private boolean canTake(int worker) {
        if (exhausted.get(worker)) {
            return false;
        }
        return inOrder
                || inFlight.stream().filter(task -> task.worker == worker).count()
                        < maxInFlight() / (pool.size() - exhausted.cardinality());
    }

    /** The next task in order (or, if order does not matter, the first that is done), taken out of the flight. */
    private Task<B> await() {
        Task<B> next = inFlight.element();
        while (!arrived.contains(next)) {
            Task<B> done = awaitAny();
            arrived.add(done);
            if (!inOrder) {
                next = done;
            }
        }
        arrived.remove(next);
        inFlight.remove(next);
        return next;
    }

    private Task<B> awaitAny() {
        try {
            Task<B> done = pool.await(pass, timeout);
            if (done == null) {
                throw new IllegalStateException("DataLoader timed out after " + seconds(timeout) + " seconds");
            }
            return done;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for a batch of the DataLoader", e);
        }
    }

    /** Throws an exception of the same type that names the worker, with the original as its cause. */
    private static <B> B rethrow(Throwable failure, int worker) {
        if (failure instanceof Error error) {
            throw error;
        }
        String message = "Caught " + failure.getClass().getSimpleName() + " in DataLoader worker " + worker + ": "
                + LibTorch.firstLine(failure);
        RuntimeException same;
        try {
            Constructor<? extends Throwable> constructor = failure.getClass().getDeclaredConstructor(String.class);
            constructor.setAccessible(true); // the class of a program's own exception need not be public
            same = (RuntimeException) constructor.newInstance(message).initCause(failure);
        } catch (ReflectiveOperationException
                | ClassCastException
                | IllegalStateException
                | InaccessibleObjectException e) {
            same = new RuntimeException(message, failure);
        }
        throw same;
    }

    private static String seconds(Duration duration) {
        return duration.getNano() == 0
                ? Long.toString(duration.toSeconds())
                : PythonRepr.repr(duration.toNanos() / 1e9);
    }
}
