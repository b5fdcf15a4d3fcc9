package io.github.mnistlibtorch.torch.runtime;

/** The LibTorch that a person named cannot be used here. Nothing native has been loaded. */
public final class UnusableLibTorchException extends LibTorchException {
    UnusableLibTorchException(String message) {
        super(message, null);
    }
}
