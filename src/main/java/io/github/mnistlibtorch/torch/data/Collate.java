package io.github.mnistlibtorch.torch.data;

import java.util.List;

/**
 * Makes one batch of a list of items: the {@code collate_fn} of a loader. {@link Batch#of} is the one for pictures
 * with a label, {@link DefaultCollate#collate} takes anything Python's {@code default_collate} takes.
 *
 * @param <T> type of an item
 * @param <B> type of a batch
 */
@FunctionalInterface
public interface Collate<T, B> {
    /** Called with at least one item, on the thread that fetched them. */
    B collate(List<T> items);
}
