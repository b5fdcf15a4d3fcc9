package io.github.mnistlibtorch.torch.runtime;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Storage;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Tensors from Java arrays and back, and every tensor inside of nested data: tensors, {@link TensorContainer}, lists and maps of
 * such; the rest is left alone.
 */
public final class Tensors {
    private Tensors() {}

    /** An int64 tensor of shape (N): {@code torch.tensor(values)}. */
    public static Tensor int64(long... values) {
        Tensor tensor = torch.empty(new long[] {values.length}, new TensorOptions(ScalarType.Long), null);
        if (values.length > 0) { // there is no pointer to no data
            tensor.data_ptr_long().put(values, 0, values.length);
        }
        return tensor;
    }

    /** A float64 tensor of shape (N): {@code torch.tensor(values, dtype=torch.float64)}. */
    public static Tensor float64(double... values) {
        Tensor tensor = torch.empty(new long[] {values.length}, new TensorOptions(ScalarType.Double), null);
        if (values.length > 0) {
            tensor.data_ptr_double().put(values, 0, values.length);
        }
        return tensor;
    }

    /** All elements as int64, row by row, of a tensor on any device: {@code tensor.flatten().tolist()}. */
    public static long[] toLongs(Tensor tensor) {
        long[] values = new long[Math.toIntExact(tensor.numel())];
        read(tensor, ScalarType.Long, dense -> dense.data_ptr_long().get(values));
        return values;
    }

    /** All elements as float32, row by row, of a tensor on any device. */
    public static float[] toFloats(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.numel())];
        read(tensor, ScalarType.Float, dense -> dense.data_ptr_float().get(values));
        return values;
    }

    /** All elements as float64, row by row, of a tensor on any device. */
    public static double[] toDoubles(Tensor tensor) {
        double[] values = new double[Math.toIntExact(tensor.numel())];
        read(tensor, ScalarType.Double, dense -> dense.data_ptr_double().get(values));
        return values;
    }

    private static void read(Tensor tensor, ScalarType dtype, Consumer<Tensor> reader) {
        try (TensorScope scope = TensorScope.open()) {
            if (tensor.numel() > 0) {
                reader.accept(tensor.detach().to(dtype).cpu().contiguous());
            }
        }
    }

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
    public static <T> T keep(TensorScope scope, T data) {
        map(data, scope::keep);
        return data;
    }

    /** Frees each tensor in {@code data}. */
    public static void close(@Nullable Object data) {
        if (data instanceof TensorContainer container) { // the most frequent case, at every step
            container.close();
            return;
        }
        map(data, tensor -> {
            tensor.close();
            return tensor;
        });
    }

    /**
     * Whether elements of a tensor share memory, as in {@code torch.zeros(1).expand(1000, 1000)}: it has more of them than its
     * storage, and a file that is small may ask for any number.
     */
    public static boolean isExpanded(Tensor tensor) {
        try (Storage storage = tensor.storage()) {
            return (double) tensor.numel() * tensor.element_size() > storage.nbytes();
        }
    }
}
