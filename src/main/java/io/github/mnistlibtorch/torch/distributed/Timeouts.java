package io.github.mnistlibtorch.torch.distributed;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** An end to waits inside of LibTorch, of which some have none and some a multiple of what they are told. */
final class Timeouts {
    private Timeouts() {}

    /**
     * Calls LibTorch on a thread of its own. What it makes there belongs to no scope: the caller closes it.
     *
     * @throws TimeoutException if it takes longer; the thread then goes on until the process ends
     */
    static <T> T callWithTimeout(Duration timeout, Supplier<T> call) throws TimeoutException {
        FutureTask<T> task = new FutureTask<>(call::get);
        Thread thread = new Thread(task, "c10d");
        thread.setDaemon(true);
        thread.start();
        try {
            return task.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException known ? known : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
