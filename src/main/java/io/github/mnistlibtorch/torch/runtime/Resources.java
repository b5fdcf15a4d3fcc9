package io.github.mnistlibtorch.torch.runtime;

import java.io.Closeable;
import java.io.IOException;

/** Cleaning up after something that failed halfway. */
public final class Resources {
    private Resources() {}

    /**
     * Makes something.
     *
     * @param <T> what is made
     * @param <E> what may be thrown
     */
    @FunctionalInterface
    public interface Step<T, E extends Exception> {
        T run() throws E;
    }

    /** Returns what {@code step} returns; if it throws instead, closes what was made before. */
    public static <T, E extends Exception> T closeOnFailure(Closeable resource, Step<T, E> step) throws E {
        try {
            return step.run();
        } catch (Throwable e) {
            try {
                resource.close();
            } catch (IOException | RuntimeException alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
    }
}
