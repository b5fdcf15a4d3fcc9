package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Reaches every tensor inside nested data: tensors, {@link TensorContainer}, lists and maps of such; the rest is left alone. */
public final class Tensors {
    private Tensors() {}

    /**
     * Data of the same shape, with each tensor replaced by what {@code operator} makes of it.
     *
     * @return for a tensor a tensor, for a list a list, for a map a map, for a container one of its kind, and
     *     anything else itself
     */
    public static @Nullable Object map(@Nullable Object data, UnaryOperator<Tensor> operator) {
        if (data instanceof Tensor tensor) {
            return operator.apply(tensor);
        }
        if (data instanceof TensorContainer container) {
            return container.mapTensors(operator);
        }
        if (data instanceof List<?> list) {
            List<@Nullable Object> mapped = new ArrayList<>(list.size());
            list.forEach(element -> mapped.add(map(element, operator)));
            return mapped;
        }
        if (data instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> mapped = new LinkedHashMap<>();
            map.forEach((key, value) -> mapped.put(key, map(value, operator)));
            return mapped;
        }
        return data;
    }

    /**
     * Lets each tensor in {@code data} outlive {@code scope}.
     *
     * @return {@code data}
     */
    static <T> T keep(TensorScope scope, T data) {
        map(data, scope::keep);
        return data;
    }

    /** Frees each tensor in {@code data}. */
    public static void close(@Nullable Object data) {
        if (data instanceof Batch batch) { // the most frequent case, at every step
            batch.close();
            return;
        }
        map(data, tensor -> {
            tensor.close();
            return tensor;
        });
    }
}
