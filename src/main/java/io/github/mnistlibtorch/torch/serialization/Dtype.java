package io.github.mnistlibtorch.torch.serialization;

import java.util.Arrays;
import java.util.Optional;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The dtypes that can be saved. Their names are those of the safetensors format, and their order is that in which its
 * reference implementation stores them.
 */
enum Dtype {
    I64(ScalarType.Long, 8, "LongStorage"),
    F64(ScalarType.Double, 8, "DoubleStorage"),
    F32(ScalarType.Float, 4, "FloatStorage"),
    I32(ScalarType.Int, 4, "IntStorage"),
    BF16(ScalarType.BFloat16, 2, "BFloat16Storage"),
    F16(ScalarType.Half, 2, "HalfStorage"),
    I16(ScalarType.Short, 2, "ShortStorage"),
    I8(ScalarType.Char, 1, "CharStorage"),
    U8(ScalarType.Byte, 1, "ByteStorage"),
    BOOL(ScalarType.Bool, 1, "BoolStorage");

    private final ScalarType scalarType;
    private final int bytes;
    private final String storage;

    Dtype(ScalarType scalarType, int bytes, String storage) {
        this.scalarType = scalarType;
        this.bytes = bytes;
        this.storage = storage;
    }

    ScalarType scalarType() {
        return scalarType;
    }

    /** Size of one element. */
    int bytes() {
        return bytes;
    }

    /** The class in Python's module {@code torch} that stands for this dtype in a {@code .pt} file. */
    String storage() {
        return storage;
    }

    static Optional<Dtype> named(String name) {
        return first(type -> type.name().equals(name));
    }

    static Optional<Dtype> ofStorage(String storage) {
        return first(type -> type.storage.equals(storage));
    }

    private static Optional<Dtype> first(Predicate<Dtype> wanted) {
        return Arrays.stream(values()).filter(wanted).findFirst();
    }

    /**
     * The dtype of {@code tensor}.
     *
     * @param name of the tensor, for the message
     * @throws IllegalArgumentException if it cannot be saved
     */
    static Dtype of(String name, Tensor tensor) {
        if (tensor.is_meta()) {
            throw new IllegalArgumentException(
                    "tensor \"" + name + "\" cannot be saved: it is on the device meta, and has no data");
        }
        ScalarType scalarType = tensor.scalar_type().intern();
        return first(type -> type.scalarType == scalarType)
                .orElseThrow(() -> new IllegalArgumentException(
                        "tensor \"" + name + "\" is of a dtype that cannot be saved: " + scalarType));
    }
}
