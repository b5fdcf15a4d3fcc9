package io.github.mnistlibtorch.torch.runtime;

import org.bytedeco.javacpp.Pointer;

/** Counts native objects that Java holds. */
public final class LivePointers {
    private static final int PATIENCE = 500;
    private static final int PAUSE_MILLIS = 10;

    private LivePointers() {}

    /**
     * The count to compare a later {@code Pointer.totalCount()} with: what earlier tests have left to the garbage
     * collector is gone, so that it cannot vanish in the middle.
     */
    public static long settled() {
        long count = Pointer.totalCount();
        int unchanged = 0;
        for (int i = 0; i < PATIENCE && unchanged < 3; i++) {
            System.gc();
            try {
                Thread.sleep(PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            unchanged = Pointer.totalCount() == count ? unchanged + 1 : 0;
            count = Pointer.totalCount();
        }
        return count;
    }
}
