package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Fails a test that leaves native objects behind: after it, Java holds as many as before. */
public final class LeakCheck implements BeforeEachCallback, AfterEachCallback {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(LeakCheck.class);
    private static final int MOST_PAUSES = 200;
    private static final int PAUSE_MILLIS = 10;

    @Override
    public void beforeEach(ExtensionContext context) {
        context.getStore(NAMESPACE).put("before", settled());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        // What has failed has left behind what it was working on.
        if (context.getExecutionException().isEmpty()) {
            long before = context.getStore(NAMESPACE).get("before", Long.class);
            // A worker that was told to end may be about to free what it held.
            for (int i = 0; i < MOST_PAUSES && Pointer.totalCount() > before; i++) {
                pause();
            }
            assertThat(Pointer.totalCount())
                    .as("native objects that Java holds")
                    .isEqualTo(before);
        }
    }

    /**
     * Counts the native objects that Java holds, to compare a later {@code Pointer.totalCount()} with: what earlier tests have
     * left to the garbage collector is gone, so that it cannot vanish in the middle.
     */
    public static long settled() {
        long count;
        do {
            count = Pointer.totalCount();
            forget();
            System.gc();
            // What is gone is freed on another thread; when one object is, the others of this collection are on their
            // way.
            for (int i = 0; i < MOST_PAUSES && Pointer.totalCount() > count; i++) {
                pause();
            }
            pause();
        } while (Pointer.totalCount() < count);
        return count;
    }

    /** Leaves an object to the garbage collector. */
    @SuppressWarnings("resource")
    private static void forget() {
        new BytePointer(1);
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
