package io.github.mnistlibtorch.data;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Threads that fetch batches. Each has a queue of its own; what they make comes back in one queue, in the order in
 * which it is ready.
 *
 * <p>The pool never refers to an iterator: it can be stopped when its iterator has been forgotten.
 */
final class WorkerPool<B> {
    /** Python waits so long for a worker before it ends it by force. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final List<Worker> workers = new ArrayList<>();
    private final BlockingQueue<Task<B>> done = new LinkedBlockingQueue<>();
    private final Supplier<Fetcher<B>> fetchers;
    private final IntConsumer workerInit;
    private int pass; // guarded by this
    private boolean stopped; // guarded by this

    /** One batch to fetch, and what came of it. */
    static final class Task<B> {
        final int worker;
        private final int pass;
        private final int[] indices;
        private @Nullable Outcome<B> outcome;

        Task(int worker, int pass, int[] indices) {
            this.worker = worker;
            this.pass = pass;
            this.indices = indices;
        }

        /** Set before the task comes out of {@link #await}; {@code null} until then. */
        @Nullable Outcome<B> outcome() {
            return outcome;
        }
    }

    /**
     * Starts the threads.
     *
     * @param baseSeed worker w gets the seed {@code baseSeed + w}
     * @param fetchers called on a worker's thread, once for each pass
     * @param workerInit called on a worker's thread, once
     */
    WorkerPool(int size, long baseSeed, Object dataset, Supplier<Fetcher<B>> fetchers, IntConsumer workerInit) {
        this.fetchers = fetchers;
        this.workerInit = workerInit;
        for (int id = 0; id < size; id++) {
            Worker worker = new Worker(new WorkerInfo(id, size, baseSeed + id, dataset));
            workers.add(worker);
            worker.thread.start();
        }
    }

    int size() {
        return workers.size();
    }

    /** Begins a pass and forgets what is left of the one before. */
    synchronized int beginPass() {
        workers.forEach(worker -> worker.tasks.clear());
        done.forEach(WorkerPool::free);
        done.clear();
        return ++pass;
    }

    synchronized boolean isCurrent(int pass) {
        return !stopped && this.pass == pass;
    }

    void submit(Task<B> task) {
        workers.get(task.worker).tasks.add(task);
    }

    /**
     * Waits for the next task that is done.
     *
     * @param timeout zero for as long as it takes
     * @return {@code null} if the time is up
     */
    @Nullable Task<B> await(Duration timeout) throws InterruptedException {
        return timeout.isZero() ? done.take() : done.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Tells the threads to end when they have finished what they are at; frees what nobody has taken. */
    synchronized void stop() {
        stopped = true;
        workers.forEach(Worker::stop);
        done.forEach(WorkerPool::free);
        done.clear();
    }

    /** Waits for the threads to end; interrupts those that do not. */
    void join() {
        try {
            for (Worker worker : workers) {
                worker.thread.join(PATIENCE.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        workers.forEach(worker -> worker.thread.interrupt());
    }

    private synchronized void publish(Task<B> task, Outcome<B> outcome) {
        task.outcome = outcome;
        if (isCurrent(task.pass)) {
            done.add(task);
        } else {
            free(task);
        }
    }

    static <B> void free(Task<B> task) {
        if (task.outcome != null) {
            task.outcome.free();
        }
    }

    private final class Worker implements Runnable {
        private final WorkerInfo info;
        private final Task<B> stop;
        private final BlockingQueue<Task<B>> tasks = new LinkedBlockingQueue<>();
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
        }

        @Override
        public void run() {
            info.enter();
            try {
                work();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // stopped while it waited: the end of the thread
            } finally {
                info.leave();
            }
        }

        private void work() throws InterruptedException {
            Throwable broken = initialise();
            Fetcher<B> fetcher = null;
            int fetcherPass = 0;
            for (Task<B> task = tasks.take(); task != stop; task = tasks.take()) {
                if (broken != null) {
                    publish(task, Outcome.failed(broken));
                    continue;
                }
                try {
                    if (fetcher == null || fetcherPass != task.pass) {
                        fetcher = fetchers.get();
                        fetcherPass = task.pass;
                    }
                } catch (Throwable e) { // it is thrown again where the batch is asked for
                    publish(task, Outcome.failed(e));
                    continue;
                }
                publish(task, Outcome.of(fetcher, task.indices));
            }
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
