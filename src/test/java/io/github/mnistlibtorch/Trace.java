package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A run of the article that {@code notebooks-reference/record_trace.py} recorded with real Python. */
public final class Trace {
    private Trace() {}

    public static JsonNode read(String name) throws IOException {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(Path.of("test-data", name)))) {
            return JsonMapper.builder().build().readTree(new String(in.readAllBytes(), UTF_8));
        }
    }

    /** SHA-256 of int64 little-endian values. */
    public static String sha256(int[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            bytes.putLong(value);
        }
        return sha256(bytes.array());
    }

    /** SHA-256 of float32 little-endian values. */
    public static String sha256(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return sha256(bytes.array());
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The double that a hex-float string stands for, in Python's spelling or in Java's. */
    public static double number(JsonNode hex) {
        return Double.parseDouble(hex.asString());
    }
}
