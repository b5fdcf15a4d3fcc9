package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@code torch.utils.data.default_collate}, for items of any type that it knows. */
public final class DefaultCollate {
    private DefaultCollate() {}

    /**
     * Batches items by the type of the first: tensors are stacked; whole numbers become an int64 tensor, fractions
     * float64, booleans bool; strings stay a list; examples become a {@link Batch}; maps are batched key by key and
     * lists (Python's tuples too) column by column.
     *
     * @param items at least one
     * @throws IllegalArgumentException if the items do not fit together, or are of another type
     */
    public static Object collate(List<?> items) {
        if (items.isEmpty() || items.stream().anyMatch(Objects::isNull)) {
            throw new IllegalArgumentException(
                    "default_collate: " + (items.isEmpty() ? "a batch needs at least one item" : "an item is null"));
        }
        Object first = items.get(0);
        if (first instanceof Tensor) {
            return stack(cast(items, Tensor.class));
        }
        if (first instanceof LabeledImage) {
            return Batch.of(cast(items, LabeledImage.class));
        }
        if (first instanceof Boolean && items.stream().allMatch(Boolean.class::isInstance)) {
            return bool(cast(items, Boolean.class));
        }
        if (first instanceof Long || first instanceof Integer || first instanceof Boolean) {
            return Tensors.int64(
                    numbers(items).stream().mapToLong(DefaultCollate::whole).toArray());
        }
        if (first instanceof Double || first instanceof Float) {
            return Tensors.float64(
                    numbers(items).stream().mapToDouble(Number::doubleValue).toArray());
        }
        if (first instanceof CharSequence || first instanceof byte[]) {
            return List.copyOf(items);
        }
        if (first instanceof Map<?, ?> map) {
            Map<Object, Object> batched = new LinkedHashMap<>();
            map.keySet().forEach(key -> batched.put(key, collate(column(items, key))));
            return batched;
        }
        if (first instanceof List<?> list) {
            return columns(items, list.size());
        }
        throw new IllegalArgumentException(
                "default_collate: batch must contain tensors, numbers, booleans, strings, examples, maps or lists;"
                        + " found " + first.getClass().getName());
    }

    /**
     * {@code torch.stack(tensors)}: tensors of shape (*) as one of shape (N, *).
     *
     * @throws IllegalArgumentException in the words of LibTorch, if they differ in shape
     */
    static Tensor stack(List<Tensor> tensors) {
        try (TensorVector vector = new TensorVector(tensors.toArray(Tensor[]::new))) {
            return torch.stack(vector);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(LibTorch.firstLine(e), e);
        }
    }

    /** As in Python, true is 1 and false is 0 among numbers. */
    private static List<Number> numbers(List<?> items) {
        List<Object> numbers = new ArrayList<>(items.size());
        items.forEach(item -> numbers.add(item instanceof Boolean truth ? (Object) (truth ? 1L : 0L) : item));
        return cast(numbers, Number.class);
    }

    /** Python makes a float32 tensor of a whole number followed by a fraction; here nothing is lost in silence. */
    private static long whole(Number number) {
        if (number instanceof Double || number instanceof Float) {
            throw new IllegalArgumentException(
                    "default_collate: expected whole numbers like the first, found " + number);
        }
        return number.longValue();
    }

    private static Tensor bool(List<Boolean> values) {
        Tensor tensor = torch.empty(new long[] {values.size()}, new TensorOptions(ScalarType.Bool), null);
        for (int i = 0; i < values.size(); i++) {
            tensor.data_ptr_bool().put(i, values.get(i));
        }
        return tensor;
    }

    private static List<Object> column(List<?> items, Object key) {
        List<Object> values = new ArrayList<>(items.size());
        for (Map<?, ?> item : cast(items, Map.class)) {
            Object value = item.get(key);
            if (value == null) {
                throw new IllegalArgumentException("each map in a batch should have the key '" + key + "'");
            }
            values.add(value);
        }
        return values;
    }

    private static List<Object> columns(List<?> items, int width) {
        List<List<?>> rows = new ArrayList<>(items.size());
        for (List<?> row : cast(items, List.class)) {
            if (row.size() != width) {
                throw new IllegalArgumentException("each element in list of batch should be of equal size");
            }
            rows.add(row);
        }
        List<Object> batched = new ArrayList<>(width);
        for (int column = 0; column < width; column++) {
            List<Object> values = new ArrayList<>(rows.size());
            for (List<?> row : rows) {
                values.add(row.get(column));
            }
            batched.add(collate(values));
        }
        return batched;
    }

    private static <T> List<T> cast(List<?> items, Class<T> type) {
        List<T> typed = new ArrayList<>(items.size());
        for (Object item : items) {
            if (!type.isInstance(item)) {
                throw new IllegalArgumentException("default_collate: expected items of type " + type.getName()
                        + " like the first, found " + item.getClass().getName());
            }
            typed.add(type.cast(item));
        }
        return typed;
    }
}
