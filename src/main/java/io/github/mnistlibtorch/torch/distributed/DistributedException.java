package io.github.mnistlibtorch.torch.distributed;

import org.jspecify.annotations.Nullable;

/** The processes of a group cannot work together, or not any more. The message is one sentence. */
public final class DistributedException extends RuntimeException {
    DistributedException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** The same with what to do about it. */
    public DistributedException advising(String remedy) {
        return new DistributedException(getMessage() + "; " + remedy, getCause());
    }
}
