package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import org.jspecify.annotations.Nullable;

/** A pass over the batches of another pass, each of which is on its way while the one before it is in use. */
final class PrefetchIterator<B> extends BatchIterator<B> {
    private final BatchIterator<B> source;
    private final Prefetcher<B> transfer;
    private @Nullable FetchResult<B> onItsWay;

    PrefetchIterator(BatchIterator<B> source, Prefetcher<B> transfer) {
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
        FetchResult<B> due = onItsWay == null ? begin() : onItsWay;
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
    private @Nullable FetchResult<B> following() {
        boolean more;
        try {
            more = source.hasNext();
        } catch (Throwable e) {
            return FetchResult.failed(e);
        }
        return more ? begin() : null;
    }

    private FetchResult<B> begin() {
        try (TensorScope scope = TensorScope.open()) {
            return new FetchResult<>(Tensors.keep(scope, transfer.begin(source.next())), null);
        } catch (Throwable e) {
            return FetchResult.failed(e);
        }
    }
}
