package io.github.mnistlibtorch.torch.serialization;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Writes a dictionary as a pickle of protocol 2: all but the numbers in the tensors. */
final class PickleEncoder {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** The n-th is all of the storage n, from 0 up. */
    private final List<Tensor> tensors = new ArrayList<>();

    private PickleEncoder() {
        out.write(Opcode.PROTO);
        out.write(2);
    }

    /**
     * Writes an {@code OrderedDict}, as a state dict is.
     *
     * @param metadata of its module, {@code state_dict._metadata[""]}
     * @throws IllegalArgumentException for a tensor of a dtype that cannot be saved
     */
    static PickleEncoder stateDict(Map<String, Tensor> stateDict, Map<String, String> metadata) {
        PickleEncoder pickle = new PickleEncoder();
        pickle.orderedDict(stateDict, metadata);
        pickle.out.write(Opcode.STOP);
        return pickle;
    }

    /**
     * Writes a {@code dict} of texts, whole numbers, floats, booleans, tensors, and of lists and dictionaries of them.
     *
     * @throws IllegalArgumentException for anything else in it, or a tensor of a dtype that cannot be saved
     */
    static PickleEncoder dict(Map<?, ?> dict) {
        PickleEncoder pickle = new PickleEncoder();
        pickle.value("", dict);
        pickle.out.write(Opcode.STOP);
        return pickle;
    }

    byte[] bytes() {
        return out.toByteArray();
    }

    List<Tensor> tensors() {
        return tensors;
    }

    private void orderedDict(Map<String, Tensor> stateDict, Map<String, String> metadata) {
        emptyOrderedDict();
        items(stateDict);
        if (!metadata.isEmpty()) {
            value("", Map.of("_metadata", Map.of("", metadata)));
            out.write(Opcode.BUILD);
        }
    }

    private void items(Map<?, ?> dict) {
        out.write(Opcode.MARK);
        dict.forEach((key, value) -> {
            value("", key);
            value(key.toString(), value);
        });
        out.write(Opcode.SETITEMS);
    }

    /** @param name for messages */
    private void value(String name, Object value) {
        if (value instanceof Tensor tensor) {
            tensor(Dtype.of(name, tensor), tensors.size(), tensor);
            tensors.add(tensor);
        } else if (value instanceof PtFile.Annotated annotated) {
            orderedDict(annotated.stateDict(), annotated.metadata());
        } else if (value instanceof Map<?, ?> dict) {
            out.write(Opcode.EMPTY_DICT);
            items(dict);
        } else if (value instanceof List<?> list) {
            out.write(Opcode.EMPTY_LIST);
            out.write(Opcode.MARK);
            list.forEach(item -> value(name, item));
            out.write(Opcode.APPENDS);
        } else if (value instanceof String text) {
            text(text);
        } else if (value instanceof Integer || value instanceof Long) {
            number(((Number) value).longValue());
        } else if (value instanceof Double number) {
            out.write(Opcode.BINFLOAT);
            out.writeBytes(ByteBuffer.allocate(Double.BYTES).putDouble(number).array());
        } else if (value instanceof Boolean bool) {
            out.write(bool ? Opcode.NEWTRUE : Opcode.NEWFALSE);
        } else {
            throw new IllegalArgumentException(
                    "\"" + name + "\" is of a type that cannot be saved: " + value.getClass());
        }
    }

    /** {@code _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)}. */
    private void tensor(Dtype type, int storage, Tensor tensor) {
        global("torch._utils", "_rebuild_tensor_v2");
        out.write(Opcode.MARK);
        out.write(Opcode.MARK);
        text("storage");
        global("torch", type.storage());
        text(Integer.toString(storage));
        text("cpu");
        number(tensor.numel());
        out.write(Opcode.TUPLE);
        out.write(Opcode.BINPERSID);
        number(0);
        tuple(tensor.shape());
        tuple(denseStrides(tensor.shape()));
        out.write(Opcode.NEWFALSE);
        emptyOrderedDict();
        out.write(Opcode.TUPLE);
        out.write(Opcode.REDUCE);
    }

    private void emptyOrderedDict() {
        global("collections", "OrderedDict");
        out.write(Opcode.EMPTY_TUPLE);
        out.write(Opcode.REDUCE);
    }

    private void global(String module, String name) {
        out.write(Opcode.GLOBAL);
        out.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    private void text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.write(Opcode.BINUNICODE);
        out.writeBytes(littleEndian(Integer.BYTES).putInt(bytes.length).array());
        out.writeBytes(bytes);
    }

    private void number(long number) {
        if (number == (int) number) {
            out.write(Opcode.BININT);
            out.writeBytes(littleEndian(Integer.BYTES).putInt((int) number).array());
        } else {
            out.write(Opcode.LONG1);
            out.write(Long.BYTES);
            out.writeBytes(littleEndian(Long.BYTES).putLong(number).array());
        }
    }

    private void tuple(long[] numbers) {
        out.write(Opcode.MARK);
        for (long number : numbers) {
            number(number);
        }
        out.write(Opcode.TUPLE);
    }

    private static long[] denseStrides(long[] shape) {
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= Math.max(shape[i], 1);
        }
        return strides;
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
