package io.github.mnistlibtorch.torch.serialization;

import static io.github.mnistlibtorch.torch.runtime.PlainText.quoted;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.Resources;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * A dictionary in a {@code .pt} file. Whatever is asked for and is not there, or is something else, is an
 * {@link InputException}. The tensors are on the CPU, and the caller closes them, or its open scope does.
 */
public final class PtDict {
    private final Map<?, ?> values;
    private final PtArchive archive;
    private final InvalidFile refusal;

    PtDict(Map<?, ?> values, PtArchive archive, InvalidFile refusal) {
        this.values = values;
        this.archive = archive;
        this.refusal = refusal;
    }

    /** A whole number. */
    public long number(String key) throws InputException {
        return as(Long.class, "whole number", key, get(key));
    }

    /** A float. */
    public double decimal(String key) throws InputException {
        return as(Double.class, "float", key, get(key));
    }

    /** Whether it is there. */
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** A list of floats. */
    public List<Double> decimals(String key) throws InputException {
        List<Double> decimals = new ArrayList<>();
        for (Object item : as(List.class, "list", key, get(key))) {
            decimals.add(as(Double.class, "float", key, item));
        }
        return decimals;
    }

    /** A tensor. */
    public Tensor tensor(String key) throws IOException {
        return archive.tensor(key, as(TensorMetadata.class, "tensor", key, get(key)));
    }

    /** A dictionary. */
    public PtDict dict(String key) throws InputException {
        return dict(key, get(key));
    }

    /** A dictionary whose key is a number. */
    public PtDict dict(long key) throws InputException {
        return dict(Long.toString(key), get(key));
    }

    /** A list of dictionaries. */
    public List<PtDict> dicts(String key) throws InputException {
        List<PtDict> dicts = new ArrayList<>();
        for (Object item : as(List.class, "list", key, get(key))) {
            dicts.add(dict(key, item));
        }
        return dicts;
    }

    /** Everything here, which has to be texts. */
    public Map<String, String> texts() throws InputException {
        Map<String, String> texts = new LinkedHashMap<>();
        for (Map.Entry<?, ?> item : values.entrySet()) {
            String key = item.getKey().toString();
            texts.put(key, as(String.class, "text", key, item.getValue()));
        }
        return texts;
    }

    /** Everything here, which has to be tensors: a state dict. */
    public Map<String, Tensor> tensors() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        return Resources.closeOnFailure(() -> Tensors.close(tensors), () -> {
            for (Map.Entry<?, ?> item : values.entrySet()) {
                String key = item.getKey().toString();
                tensors.put(key, archive.tensor(key, as(TensorMetadata.class, "tensor", key, item.getValue())));
            }
            return tensors;
        });
    }

    /** Everything here, which has to be whole numbers ({@code Long}) and tensors ({@code Tensor}). */
    public Map<String, Object> numbersAndTensors() throws IOException {
        Map<String, Object> values = new LinkedHashMap<>();
        for (Object key : this.values.keySet()) {
            String name = key.toString();
            values.put(name, get(key) instanceof Long number ? number : tensor(name));
        }
        return values;
    }

    /** How many things are in it. */
    public int size() {
        return values.size();
    }

    private PtDict dict(String key, Object value) throws InputException {
        return new PtDict(as(Map.class, "dictionary", key, value), archive, refusal);
    }

    private Object get(Object key) throws InputException {
        Object value = values.get(key);
        if (value == null) {
            throw refusal.because("it lacks " + quoted(key.toString()));
        }
        return value;
    }

    private <T> T as(Class<T> type, String what, String key, Object value) throws InputException {
        if (!type.isInstance(value)) {
            throw refusal.because("its " + quoted(key) + " is not a " + what);
        }
        return type.cast(value);
    }
}
