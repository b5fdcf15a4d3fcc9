package io.github.mnistlibtorch.tutorial.listeners;

/** A loss has become NaN or infinite. The message is one sentence: where, and what may help. */
public final class DivergedException extends RuntimeException {
    DivergedException(String message) {
        super(message);
    }
}
