package io.github.mnistlibtorch.torch.data;

import java.util.Arrays;
import java.util.List;

/**
 * Some items of a dataset, in an order of their own: {@code torch.utils.data.Subset}.
 *
 * @param <T> type of an item
 */
public final class Subset<T> implements Dataset<T> {
    private final Dataset<T> dataset;
    private final int[] indices;

    /** The items of {@code dataset} at {@code indices}. */
    public Subset(Dataset<T> dataset, int[] indices) {
        this.dataset = dataset;
        this.indices = indices.clone();
    }

    /** Where the items of this subset are in the dataset: {@code subset.indices}. */
    public int[] indices() {
        return indices.clone();
    }

    @Override
    public T get(int index) {
        return dataset.get(indices[index]);
    }

    @Override
    public List<T> getItems(int[] positions) {
        return dataset.getItems(Arrays.stream(positions).map(this::indexAt).toArray());
    }

    /** What this is a subset of. */
    Dataset<T> dataset() {
        return dataset;
    }

    /** Where the item at {@code position} is in the dataset. */
    int indexAt(int position) {
        return indices[position];
    }

    @Override
    public int size() {
        return indices.length;
    }
}
