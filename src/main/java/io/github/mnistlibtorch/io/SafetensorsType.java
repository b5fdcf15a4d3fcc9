package io.github.mnistlibtorch.io;

import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The dtypes of the format that LibTorch shares, in the order in which the reference implementation stores them. */
enum SafetensorsType {
    I64(ScalarType.Long, 8),
    F64(ScalarType.Double, 8),
    F32(ScalarType.Float, 4),
    I32(ScalarType.Int, 4),
    BF16(ScalarType.BFloat16, 2),
    F16(ScalarType.Half, 2),
    I16(ScalarType.Short, 2),
    I8(ScalarType.Char, 1),
    U8(ScalarType.Byte, 1),
    BOOL(ScalarType.Bool, 1);

    private final ScalarType scalarType;
    private final int bytes;

    SafetensorsType(ScalarType scalarType, int bytes) {
        this.scalarType = scalarType;
        this.bytes = bytes;
    }

    ScalarType scalarType() {
        return scalarType;
    }

    /** Size of one element. */
    int bytes() {
        return bytes;
    }

    static Optional<SafetensorsType> named(String name) {
        return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
    }

    static Optional<SafetensorsType> of(ScalarType scalarType) {
        return Arrays.stream(values())
                .filter(type -> type.scalarType == scalarType)
                .findFirst();
    }
}
