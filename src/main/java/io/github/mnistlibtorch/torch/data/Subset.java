package io.github.mnistlibtorch.torch.data;

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
        return dataset.getItems(indicesAt(positions));
    }

    /** What this is a subset of. */
    Dataset<T> dataset() {
        return dataset;
    }

    /** Where the items at {@code positions} are in the dataset. */
    int[] indicesAt(int[] positions) {
        int[] found = new int[positions.length];
        for (int i = 0; i < found.length; i++) {
            found[i] = indices[positions[i]];
        }
        return found;
    }

    @Override
    public int size() {
        return indices.length;
    }
}
