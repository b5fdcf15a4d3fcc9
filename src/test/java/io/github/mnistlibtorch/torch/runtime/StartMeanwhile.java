package io.github.mnistlibtorch.torch.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A program in whose fresh JVM LibTorch is started in the background and by several threads at once. */
final class StartMeanwhile {
    private static final int THREADS = 4;

    private StartMeanwhile() {}

    /** Takes {@code background}, where one is wanted first. */
    public static void main(String[] args) throws InterruptedException {
        if (args.length > 0) {
            LibTorch.startInBackground();
            LibTorch.startInBackground();
        }
        CountDownLatch go = new CountDownLatch(1);
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            Thread thread = new Thread(() -> {
                try {
                    go.await();
                    LibTorch.start();
                    try (Tensor ones = torch.ones(3);
                            Tensor sum = ones.sum()) {
                        require(sum.item_float() == 3, "a sum");
                        require(torch.get_num_threads() == 1, "one thread");
                    }
                } catch (Throwable e) { // shown by the main thread
                    failures.add(e);
                }
            });
            threads.add(thread);
            thread.start();
        }
        go.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        LibTorch.finishStart();
        long starts = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("LibTorch start"))
                .count();
        require(starts == 0, "no thread that still starts");
        failures.forEach(Throwable::printStackTrace);
        System.out.println(failures.isEmpty() ? "started" : "failed");
        System.exit(failures.size());
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError("expected " + what);
        }
    }
}
