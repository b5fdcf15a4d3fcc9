package io.github.mnistlibtorch.fuzz;

import static java.util.Objects.requireNonNull;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import org.jspecify.annotations.Nullable;

/** Bytes of a file that is made of parts, which the input chooses: small numbers mostly, and now and then one that a reader may not expect. */
final class Parts extends ByteArrayOutputStream {
    private static final int[] EDGES = {
        0, 1, -1, 2, 7, 8, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 2_000, 4_097, 100_000, 0x7fffffff, 0x80000000
    };

    private static final int SMALL = 40;

    /** How often a part is there: once or a few times mostly, thousands of times now and then. */
    private static final int MANY = 5_000;

    private static final int LARGE = 200_000;

    private final @Nullable FuzzedDataProvider input;

    /** @param input null for parts that are given all their bytes */
    Parts(@Nullable FuzzedDataProvider input) {
        this.input = input;
    }

    private FuzzedDataProvider input() {
        return requireNonNull(input);
    }

    /** One of several ways, each as likely. */
    int choice(int ways) {
        return input().consumeInt(0, ways - 1);
    }

    /** Once in a while. */
    boolean rarely() {
        return input().consumeInt(0, 15) == 9;
    }

    int number() {
        return rarely() ? input().pickValue(EDGES) : input().consumeInt(0, SMALL);
    }

    int times() {
        return rarely() ? input().consumeInt(1, MANY) : input().consumeInt(0, 3);
    }

    byte[] bytes() {
        return input().consumeBytes(number() & 0xff);
    }

    byte[] rest() {
        return input().consumeRemainingAsBytes();
    }

    boolean isAtEnd() {
        return input().remainingBytes() == 0;
    }

    Parts put(byte... bytes) {
        writeBytes(bytes);
        return this;
    }

    Parts put(int... bytes) {
        for (int value : bytes) {
            write(value);
        }
        return this;
    }

    Parts putLittle(int value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            write(value >>> Byte.SIZE * i);
        }
        return this;
    }

    Parts putBig(int value, int bytes) {
        for (int i = bytes - 1; i >= 0; i--) {
            write(value >>> Byte.SIZE * i);
        }
        return this;
    }

    /** The same bytes again and again, as long as the file is not a large one. */
    Parts repeat(byte[] bytes, int times) {
        for (int i = 0; i < times && (long) bytes.length * i < LARGE; i++) {
            writeBytes(bytes);
        }
        return this;
    }

    /** Without its end, or with something behind it, now and then. */
    byte[] finished() {
        if (rarely()) {
            put(bytes());
        }
        byte[] whole = toByteArray();
        return rarely() && whole.length > 0 ? Arrays.copyOf(whole, choice(whole.length)) : whole;
    }

    static int crc32(byte[] content) {
        CRC32 checksum = new CRC32();
        checksum.update(content);
        return (int) checksum.getValue();
    }

    static byte[] deflated(byte[] content) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(packed)) {
            deflater.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }
}
