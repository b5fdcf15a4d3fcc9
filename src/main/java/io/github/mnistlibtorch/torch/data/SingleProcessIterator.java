package io.github.mnistlibtorch.torch.data;

import java.util.Iterator;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A pass that fetches each batch on the thread that asks for it: no workers. */
final class SingleProcessIterator<B> extends BatchIterator<B> {
    private final Iterator<int[]> indices;
    private final BatchSource<B> source;
    private final BatchSource.Reader<B> reader;
    private @Nullable FetchResult<B> ahead;

    SingleProcessIterator(
            Iterator<int[]> indices, BatchSource<B> source, BatchSource.Options options, IntConsumer yielded) {
        super(yielded);
        this.indices = indices;
        this.source = source;
        this.reader = source.reader(options);
    }

    @Override
    boolean more() {
        if (source.isMapStyle()) {
            return indices.hasNext();
        }
        if (ahead == null) {
            ahead = FetchResult.of(reader, indices.next());
        }
        return !ahead.isEnd();
    }

    @Override
    B fetch() {
        FetchResult<B> result = ahead == null ? FetchResult.of(reader, indices.next()) : ahead;
        ahead = null;
        return result.get();
    }

    @Override
    void end() {
        if (ahead != null) {
            ahead.free();
        }
        source.passEnded();
    }
}
