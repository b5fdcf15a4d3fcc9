package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What torchvision gives, recorded by {@code notebooks-reference/record_vision.py}, and tensors to compare with it. */
final class VisionValues {
    private static final JsonNode RECORDED = read();

    private VisionValues() {}

    static JsonNode recorded(String key) {
        return RECORDED.required(key);
    }

    /** The values of a tensor, row by row. */
    static List<Double> values(Tensor tensor) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor doubles = tensor.to(ScalarType.Double).contiguous();
            double[] values = new double[Math.toIntExact(doubles.numel())];
            doubles.data_ptr_double().get(values);
            List<Double> list = new ArrayList<>();
            for (double value : values) {
                list.add(value);
            }
            return list;
        }
    }

    static List<Double> doubles(JsonNode array) {
        return array.valueStream().map(JsonNode::asDouble).toList();
    }

    static List<Long> longs(JsonNode array) {
        return array.valueStream().map(JsonNode::asLong).toList();
    }

    static List<Long> shape(Tensor tensor) {
        List<Long> shape = new ArrayList<>();
        for (long size : tensor.shape()) {
            shape.add(size);
        }
        return shape;
    }

    /** The name that Python has for the dtype of a tensor. */
    static String dtype(Tensor tensor) {
        return switch (tensor.scalar_type().intern()) {
            case Byte -> "uint8";
            case Char -> "int8";
            case Short -> "int16";
            case Int -> "int32";
            case Long -> "int64";
            case Float -> "float32";
            case Double -> "float64";
            default -> throw new AssertionError(tensor.scalar_type());
        };
    }

    static ScalarType scalarType(String dtype) {
        return switch (dtype) {
            case "uint8" -> ScalarType.Byte;
            case "int64" -> ScalarType.Long;
            case "float32" -> ScalarType.Float;
            case "float64" -> ScalarType.Double;
            default -> throw new AssertionError(dtype);
        };
    }

    /** SHA-256 of the bytes of a contiguous tensor. */
    static String sha256(Tensor tensor) {
        byte[] bytes = new byte[Math.toIntExact(tensor.nbytes())];
        new BytePointer(tensor.data_ptr()).get(bytes);
        return sha256(bytes);
    }

    static String sha256(byte[] bytes) {
        return digest("SHA-256", bytes);
    }

    static String md5(byte[] bytes) {
        return digest("MD5", bytes);
    }

    private static String digest(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static JsonNode read() {
        try {
            return JsonMapper.builder().build().readTree(Files.readString(Path.of("test-data", "vision.json")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
