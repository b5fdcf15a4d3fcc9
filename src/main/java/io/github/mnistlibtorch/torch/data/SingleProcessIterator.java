package io.github.mnistlibtorch.torch.data;

import java.util.Iterator;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A pass that fetches each batch on the thread that asks for it: no workers. */
final class SingleProcessIterator<B> extends BatchIterator<B> {
    private final Iterator<int[]> indices;
    private final BatchSource<B> source;
    private final Fetcher<B> fetcher;
    private final boolean endIsKnown;
    private @Nullable FetchResult<B> ahead;

    /** @param endIsKnown whether the pass ends with the indices; otherwise only fetching tells */
    SingleProcessIterator(Iterator<int[]> indices, BatchSource<B> source, boolean endIsKnown, IntConsumer yielded) {
        super(yielded);
        this.indices = indices;
        this.source = source;
        this.fetcher = source.fetcher();
        this.endIsKnown = endIsKnown;
    }

    @Override
    boolean more() {
        if (endIsKnown) {
            return indices.hasNext();
        }
        if (ahead == null) {
            ahead = FetchResult.of(fetcher, indices.next());
        }
        return !ahead.isEnd();
    }

    @Override
    B fetch() {
        FetchResult<B> outcome = ahead == null ? FetchResult.of(fetcher, indices.next()) : ahead;
        ahead = null;
        return outcome.get();
    }

    @Override
    void end() {
        if (ahead != null) {
            ahead.free();
        }
        source.passEnded();
    }
}
