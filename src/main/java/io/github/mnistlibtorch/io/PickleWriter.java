package io.github.mnistlibtorch.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Writes a state dict as a pickle of protocol 2: all but the numbers in the tensors. */
final class PickleWriter {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private PickleWriter() {}

    /**
     * The pickle of an {@code OrderedDict}, in which the n-th tensor is all of the storage n, from 0 up.
     *
     * @throws IllegalArgumentException for a tensor of a dtype that cannot be saved
     */
    static byte[] stateDict(Map<String, Tensor> stateDict) {
        PickleWriter pickle = new PickleWriter();
        pickle.out.write(Opcode.PROTO);
        pickle.out.write(2);
        pickle.emptyOrderedDict();
        pickle.out.write(Opcode.MARK);
        int storage = 0;
        for (Map.Entry<String, Tensor> entry : stateDict.entrySet()) {
            Dtype type = Dtype.of(entry.getKey(), entry.getValue());
            pickle.text(entry.getKey());
            pickle.tensor(type, storage++, entry.getValue());
        }
        pickle.out.write(Opcode.SETITEMS);
        pickle.out.write(Opcode.STOP);
        return pickle.out.toByteArray();
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
        if (number <= Integer.MAX_VALUE) {
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
