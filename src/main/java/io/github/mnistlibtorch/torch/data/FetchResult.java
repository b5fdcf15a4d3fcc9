package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** What came of fetching a batch: the batch, or a failure, or (neither) the end of an iterable dataset. */
record FetchResult<B>(@Nullable B batch, @Nullable Throwable failure) {
    static <B> FetchResult<B> of(BatchSource.Reader<B> reader, int[] indices) {
        try {
            return new FetchResult<>(reader.read(indices), null);
        } catch (Throwable e) { // it is thrown again where the batch is asked for
            return failed(e);
        }
    }

    static <B> FetchResult<B> failed(Throwable failure) {
        return new FetchResult<>(null, failure);
    }

    boolean isEnd() {
        return batch == null && failure == null;
    }

    /** The batch; or throws the failure itself. */
    B get() {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure != null) { // a checked exception that slipped through
            throw new IllegalStateException(failure.getMessage(), failure);
        }
        if (batch == null) {
            throw new NoSuchElementException();
        }
        return batch;
    }

    void free() {
        Tensors.close(batch);
    }
}
