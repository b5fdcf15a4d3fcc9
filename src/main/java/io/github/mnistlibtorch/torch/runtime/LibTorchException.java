package io.github.mnistlibtorch.torch.runtime;

import org.jspecify.annotations.Nullable;

/** LibTorch could not be started. The message is one sentence for a person: what failed, where, what to do. */
public class LibTorchException extends RuntimeException {
    LibTorchException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
