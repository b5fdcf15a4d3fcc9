package io.github.mnistlibtorch.torch.runtime;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * Frees native memory at the end of a block: every tensor that the opening thread makes inside a scope is freed
 * when the scope closes, unless it is kept.
 *
 * <pre>{@code
 * try (TensorScope step = TensorScope.open()) {
 *     Tensor loss = model.trainingStep(batch);
 *     loss.backward();
 * } // everything made in between is freed here
 * }</pre>
 *
 * <p>Scopes nest and belong to the thread that opened them. What a scope is not told about (the gradients and
 * parameters inside LibTorch, for example) is untouched: a scope ends the life of Java's handles, and with the
 * last handle that of the memory behind it. In Python the reference count does this.
 */
public final class TensorScope implements AutoCloseable {
    private final PointerScope scope = new PointerScope();

    private TensorScope() {}

    /** Opens a scope on the current thread, inside the ones already open. */
    public static TensorScope open() {
        LibTorch.ensureStarted();
        return new TensorScope();
    }

    /**
     * Lets a tensor (or any native object) made in this scope outlive it; the caller then owns it and closes it.
     *
     * @return {@code pointer}
     */
    public <P extends Pointer> P keep(P pointer) {
        pointer.retainReference();
        return pointer;
    }

    /**
     * Keeps a tensor alive until this scope closes, although a scope inside this one made it and closes earlier.
     *
     * @return {@code pointer}
     */
    public <P extends Pointer> P attach(P pointer) {
        scope.attach(pointer);
        return pointer;
    }

    /** Frees everything made in this scope that was not kept. */
    @Override
    public void close() {
        scope.close();
    }
}
