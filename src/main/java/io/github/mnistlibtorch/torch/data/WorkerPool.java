package io.github.mnistlibtorch.torch.data;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Threads that fetch batches. Each has a queue of its own; what they make comes back in one queue, in the order in
 * which it is ready. What lies in that queue is the pool's to free; who takes a task out of it owns its batch.
 *
 * <p>While batches are ready in good time, one worker is awake at a time: it does its tasks, then watches the queues of
 * all, and hands the watch to the first worker that gets a task. The training thread wakes one only if all sleep. That
 * matters because to wake a thread takes a twentieth of a training step, and often puts the worker on the very core that
 * trains. When batches run short, every worker with a task is woken.
 *
 * <p>The pool never refers to an iterator: it can be stopped when its iterator has been forgotten.
 */
final class WorkerPool<B> {
    /** Python waits so long for a worker before it ends it by force. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /** How long a worker watches before it sleeps: some training steps. Without a second core it would only be in the way. */
    private static final long WATCH_NANOS = Runtime.getRuntime().availableProcessors() > 1 ? 2_000_000 : 0;

    private final List<Worker> workers = new ArrayList<>();
    private final Queue<Task<B>> done = new ArrayDeque<>(); // guarded by this
    private final Supplier<BatchSource.Reader<B>> readers;
    private final IntConsumer workerInit;
    private final AtomicInteger awake = new AtomicInteger();
    private final AtomicBoolean watched = new AtomicBoolean();
    private int pass; // guarded by this
    private boolean stopped; // guarded by this

    /** One batch to fetch, and what came of it. */
    static final class Task<B> {
        final int worker;
        private final int pass;
        private final int[] indices;
        private @Nullable FetchResult<B> result;

        Task(int worker, int pass, int[] indices) {
            this.worker = worker;
            this.pass = pass;
            this.indices = indices;
        }

        /** To be asked for only by who got this task from {@link #await}. */
        FetchResult<B> result() {
            if (result == null) {
                throw new IllegalStateException("a task came back without an outcome");
            }
            return result;
        }

        void free() {
            if (result != null) {
                result.free();
            }
        }
    }

    /**
     * Makes the threads, which wait for {@link #start}.
     *
     * @param baseSeed worker w gets the seed {@code baseSeed + w}
     * @param readers called on a worker's thread, once for each pass
     * @param workerInit called on a worker's thread, once
     */
    WorkerPool(
            int size, long baseSeed, Object dataset, Supplier<BatchSource.Reader<B>> readers, IntConsumer workerInit) {
        this.readers = readers;
        this.workerInit = workerInit;
        for (int id = 0; id < size; id++) {
            workers.add(new Worker(new WorkerInfo(id, size, baseSeed + id, dataset)));
        }
    }

    /** All of them, or none if the system has no more threads to give. */
    void start() {
        try {
            workers.forEach(worker -> worker.thread.start());
        } catch (Throwable e) {
            stop();
            throw e;
        }
    }

    int size() {
        return workers.size();
    }

    /** Begins a pass and ends the one before. */
    synchronized int beginPass() {
        endPass(pass);
        return ++pass;
    }

    /** Forgets what is left of a pass, unless a newer one has begun. */
    synchronized void endPass(int pass) {
        if (isCurrent(pass)) {
            workers.forEach(worker -> worker.tasks.clear());
            this.pass++;
            freeDone();
        }
    }

    /** @param hurry whether batches run short, so that the worker should not wait for its turn */
    void submit(Task<B> task, boolean hurry) {
        Worker worker = workers.get(task.worker);
        worker.tasks.add(task);
        if (hurry || awake.get() == 0) {
            worker.wake();
        }
    }

    /** How many batches are ready to be taken. */
    synchronized int ready() {
        return done.size();
    }

    /**
     * Waits for the next task that is done.
     *
     * @param timeout zero for as long as it takes
     * @return {@code null} if the time is up
     * @throws IllegalStateException if the pass is over
     */
    synchronized @Nullable Task<B> await(int pass, Duration timeout) throws InterruptedException {
        long start = System.nanoTime();
        if (done.isEmpty()) {
            wakeBusy();
        }
        while (isCurrent(pass) && done.isEmpty()) {
            if (timeout.isZero()) {
                wait();
            } else {
                long left = timeout.toNanos() - (System.nanoTime() - start);
                if (left <= 0) {
                    return null;
                }
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
        }
        if (!isCurrent(pass)) {
            throw new IllegalStateException(
                    "this pass is over: the loader keeps its workers and a newer pass uses them, or it was closed");
        }
        return done.remove();
    }

    /** Tells the threads to end when they have finished what they are at; frees what nobody has taken. */
    synchronized void stop() {
        stopped = true;
        workers.forEach(Worker::stop);
        freeDone();
    }

    /** Waits for the threads to end; interrupts those that do not. */
    void join() {
        try {
            long end = System.nanoTime() + PATIENCE.toNanos();
            for (Worker worker : workers) {
                long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
                worker.thread.join(Math.max(1, left)); // 0 would mean for ever
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        workers.forEach(worker -> worker.thread.interrupt());
    }

    private synchronized void publish(Task<B> task, FetchResult<B> result) {
        task.result = result;
        if (isCurrent(task.pass)) {
            done.add(task);
            notifyAll();
        } else {
            task.free();
        }
    }

    private synchronized boolean isCurrent(int pass) {
        return !stopped && this.pass == pass;
    }

    private synchronized void freeDone() {
        done.forEach(Task::free);
        done.clear();
        notifyAll();
    }

    /** Wakes every worker that has something to do. */
    private void wakeBusy() {
        for (Worker worker : workers) {
            if (!worker.tasks.isEmpty()) {
                worker.wake();
            }
        }
    }

    private final class Worker implements Runnable {
        private final WorkerInfo info;
        private final Task<B> stop;
        private final Queue<Task<B>> tasks = new ConcurrentLinkedQueue<>();
        private final Thread thread;

        Worker(WorkerInfo info) {
            this.info = info;
            this.stop = new Task<>(info.id(), 0, new int[0]);
            this.thread = new Thread(this, "DataLoader worker " + info.id());
            this.thread.setDaemon(true);
        }

        void stop() {
            tasks.clear();
            tasks.add(stop);
            wake();
        }

        void wake() {
            LockSupport.unpark(thread);
        }

        @Override
        public void run() {
            info.enter();
            awake.incrementAndGet();
            try {
                work();
            } finally {
                awake.decrementAndGet();
                wakeBusy(); // it may have had the watch
                info.leave();
            }
        }

        private void work() {
            Throwable broken = initialise();
            BatchSource.Reader<B> reader = null;
            int readerPass = 0;
            for (Task<B> task = take(); task != stop; task = take()) {
                if (broken != null) {
                    publish(task, FetchResult.failed(broken));
                    continue;
                }
                try {
                    if (reader == null || readerPass != task.pass) {
                        reader = readers.get();
                        readerPass = task.pass;
                    }
                } catch (Throwable e) { // it is thrown again where the batch is asked for
                    publish(task, FetchResult.failed(e));
                    continue;
                }
                publish(task, FetchResult.of(reader, task.indices));
            }
        }

        private Task<B> take() {
            while (true) {
                // An interrupt is meant for the item that was being fetched; the thread ends when it is told to stop.
                Thread.interrupted();
                Task<B> task = tasks.poll();
                if (task != null) {
                    return task;
                }
                Worker busy = watched.compareAndSet(false, true) ? watch() : null;
                if (busy != this) {
                    if (busy != null) {
                        busy.wake(); // and it has the watch when it has done its task
                    }
                    sleep();
                }
            }
        }

        /** Waits for a worker to get a task; gives up after a while. */
        private @Nullable Worker watch() {
            try {
                long start = System.nanoTime();
                do {
                    for (Worker worker : workers) {
                        if (!worker.tasks.isEmpty()) {
                            return worker;
                        }
                    }
                    Thread.yield();
                } while (System.nanoTime() - start < WATCH_NANOS);
                return null;
            } finally {
                watched.set(false);
            }
        }

        private void sleep() {
            if (awake.decrementAndGet() == 0) {
                wakeBusy(); // the tasks that were submitted while this one was awake; perhaps its own
            }
            LockSupport.park(this);
            awake.incrementAndGet();
        }

        private @Nullable Throwable initialise() {
            try {
                workerInit.accept(info.id());
                return null;
            } catch (Throwable e) { // every batch of this worker fails with it
                return e;
            }
        }
    }
}
