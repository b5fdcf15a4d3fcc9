package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.Scope;
import org.jspecify.annotations.Nullable;

/** A pass over the batches of another pass, each of which is on its way while the one before it is in use. */
final class AheadIterator<B> extends BatchIterator<B> {
    private final BatchIterator<B> source;
    private final Transfer<B> transfer;
    private @Nullable Outcome<B> onItsWay;

    AheadIterator(BatchIterator<B> source, Transfer<B> transfer) {
        super(count -> {});
        this.source = source;
        this.transfer = transfer;
    }

    @Override
    boolean more() {
        return onItsWay != null || source.hasNext();
    }

    @Override
    B fetch() {
        Outcome<B> due = onItsWay == null ? begin() : onItsWay;
        onItsWay = null;
        B batch = due.get();
        try {
            batch = transfer.arrive(batch);
            onItsWay = following();
            return batch;
        } catch (Throwable e) {
            Tensors.close(batch);
            throw e;
        }
    }

    @Override
    void end() {
        try {
            if (onItsWay != null) {
                onItsWay.free();
            }
        } finally {
            try {
                source.close();
            } finally {
                transfer.close();
            }
        }
    }

    /** What fails ahead of its time fails in its time: the batch before it is whole. */
    private @Nullable Outcome<B> following() {
        boolean more;
        try {
            more = source.hasNext();
        } catch (Throwable e) {
            return Outcome.failed(e);
        }
        return more ? begin() : null;
    }

    private Outcome<B> begin() {
        try (Scope scope = Scope.open()) {
            return new Outcome<>(Tensors.keep(scope, transfer.begin(source.next())), null);
        } catch (Throwable e) {
            return Outcome.failed(e);
        }
    }
}
