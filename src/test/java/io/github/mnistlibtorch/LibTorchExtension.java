package io.github.mnistlibtorch;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Starts LibTorch before the first test of a class. */
public final class LibTorchExtension implements BeforeAllCallback {
    @Override
    public void beforeAll(ExtensionContext context) {
        LibTorch.start();
    }
}
