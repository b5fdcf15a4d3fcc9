package io.github.mnistlibtorch.torch.data;

import java.util.ArrayList;
import java.util.List;

/**
 * A set of examples with a length and a number for each: {@code torch.utils.data.Dataset}, map style.
 *
 * <p>A loader with workers calls {@link #get} and {@link #getItems} from several threads at once. Tensors that a
 * dataset makes in them belong to the loader, which frees what does not end up in a batch; a dataset that wants to
 * hand out the same tensor again keeps it with {@link io.github.mnistlibtorch.torch.runtime.TensorScope#keep}.
 *
 * @param <T> type of an item; {@link LabeledImage} for pictures with a label
 */
public interface Dataset<T> {
    /**
     * The item at {@code index}: {@code dataset[index]}.
     *
     * @throws IndexOutOfBoundsException if there is no such item
     */
    T get(int index);

    /** Number of items: {@code len(dataset)}. */
    int size();

    /**
     * The items at {@code indices}, in that order: {@code dataset.__getitems__(indices)}. A dataset that can fetch
     * a batch faster than item by item overrides this.
     */
    default List<T> getItems(int[] indices) {
        List<T> items = new ArrayList<>(indices.length);
        for (int index : indices) {
            items.add(get(index));
        }
        return items;
    }
}
