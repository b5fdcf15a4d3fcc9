package io.github.mnistlibtorch.libtorch;

/** LibTorch could not be started. The message is one sentence for a person: what failed, where, what to do. */
public final class LibTorchException extends RuntimeException {
    LibTorchException(String message, Throwable cause) {
        super(message, cause);
    }
}
