package io.github.mnistlibtorch.io;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * Tensors in the safetensors format, which Python reads and writes with {@code safetensors.torch}. Unlike a pickle
 * such a file holds numbers and text only; nothing in it is ever executed.
 *
 * <p>The dtypes are float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8 and bool. The data is
 * little-endian, as is every platform that LibTorch is built for, so it moves between file and tensor unchanged.
 */
public final class Safetensors {
    /** The limit of the reference implementation, in bytes. */
    private static final long MAX_HEADER = 100_000_000;

    private static final int LENGTH_FIELD = Long.BYTES;
    private static final int WRITE_CHUNK = 1 << 16;
    private static final int READ_CHUNK = 1 << 24;

    private Safetensors() {}

    /**
     * {@code safetensors.torch.save_file(tensors, file, metadata)}: replaces or creates {@code file}, whole or not
     * at all.
     *
     * @param tensors by name; of any shape, strides and device. Written in the order of the reference
     *     implementation (wide dtypes first, then by name), so that the same content gives the same bytes
     * @param metadata free text kept with the tensors; empty for none
     * @throws IllegalArgumentException for a tensor of another dtype, or named {@code __metadata__}
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) throws IOException {
        SafetensorsHeader header = SafetensorsHeader.of(tensors, metadata);
        byte[] json = header.toBytes();
        AtomicFile.write(file, out -> {
            out.write(lengthField().putLong(0, json.length).array());
            out.write(json);
            for (SafetensorsHeader.Entry entry : header.entries()) {
                Tensor tensor = Objects.requireNonNull(tensors.get(entry.name()));
                writeData(out, tensor, entry.end() - entry.begin());
            }
        });
    }

    /**
     * {@code safetensors.torch.load_file(file)}: every tensor, on the CPU, in the order of the file.
     *
     * @return by name; the caller closes the tensors, or its open {@link io.github.mnistlibtorch.libtorch.Scope} does
     * @throws InputException if the file does not exist, is truncated or is not what the format asks for; nothing is
     *     allocated on the word of the file alone, and no tensor is left behind
     * @throws IOException if the disk fails
     */
    public static Map<String, Tensor> read(Path file) throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        boolean complete = false;
        try (FileChannel channel = open(file)) {
            long length = headerLength(channel, file);
            SafetensorsHeader header = readHeader(channel, length, file);
            long dataStart = LENGTH_FIELD + length;
            for (SafetensorsHeader.Entry entry : header.entries()) {
                Tensor tensor = empty(entry, file);
                tensors.put(entry.name(), tensor);
                readData(channel, dataStart, entry, tensor, file);
            }
            complete = true;
            return tensors;
        } finally {
            if (!complete) {
                tensors.values().forEach(Tensor::close);
            }
        }
    }

    /**
     * {@code safe_open(file, framework="pt").metadata()}: the free text of the file.
     *
     * @return by key; empty if there is none
     * @throws InputException as {@link #read} does
     * @throws IOException if the disk fails
     */
    public static Map<String, String> readMetadata(Path file) throws IOException {
        try (FileChannel channel = open(file)) {
            return readHeader(channel, headerLength(channel, file), file).metadata();
        }
    }

    private static void writeData(OutputStream out, Tensor tensor, long size) throws IOException {
        if (size == 0) {
            return;
        }
        try (Tensor detached = tensor.detach();
                Tensor onCpu = detached.cpu();
                Tensor dense = onCpu.contiguous();
                BytePointer memory = new BytePointer(dense.data_ptr())) {
            byte[] chunk = new byte[(int) Math.min(size, WRITE_CHUNK)];
            for (long position = 0; position < size; position += chunk.length) {
                int length = (int) Math.min(chunk.length, size - position);
                memory.position(position).get(chunk, 0, length);
                out.write(chunk, 0, length);
            }
        }
    }

    private static FileChannel open(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new InputException(file + " is not a file; name an existing safetensors file");
        }
        return FileChannel.open(file, StandardOpenOption.READ);
    }

    /** The length that the file states for its header, once it is known to be possible. */
    private static long headerLength(FileChannel channel, Path file) throws IOException {
        long size = channel.size();
        if (size < LENGTH_FIELD) {
            throw SafetensorsHeader.refuse(file, "it has only " + size + " bytes");
        }
        ByteBuffer lengthField = lengthField();
        readFully(channel, 0, lengthField, file);
        long length = lengthField.getLong(0);
        if (length < 0 || length > MAX_HEADER) {
            throw SafetensorsHeader.refuse(file, "its header would be larger than " + MAX_HEADER + " bytes");
        }
        if (length > size - LENGTH_FIELD) {
            throw SafetensorsHeader.refuse(file, "its header of " + length + " bytes would be larger than the file");
        }
        return length;
    }

    private static SafetensorsHeader readHeader(FileChannel channel, long length, Path file) throws IOException {
        ByteBuffer json = ByteBuffer.allocate((int) length);
        readFully(channel, LENGTH_FIELD, json, file);
        return SafetensorsHeader.parse(json.array(), channel.size() - LENGTH_FIELD - length, file);
    }

    private static Tensor empty(SafetensorsHeader.Entry entry, Path file) throws InputException {
        try (TensorOptions options = new TensorOptions(entry.type().scalarType())) {
            return torch.empty(entry.sizes(), options, null);
        } catch (RuntimeException e) {
            throw SafetensorsHeader.refuse(file, "LibTorch cannot hold a tensor of shape " + entry.shape(), e);
        }
    }

    private static void readData(
            FileChannel channel, long dataStart, SafetensorsHeader.Entry entry, Tensor tensor, Path file)
            throws IOException {
        long size = entry.end() - entry.begin();
        if (size == 0) {
            return;
        }
        try (BytePointer memory = new BytePointer(tensor.data_ptr())) {
            for (long position = 0; position < size; position += READ_CHUNK) {
                long end = Math.min(position + READ_CHUNK, size);
                // The buffer is the memory of the tensor: no copy on the heap.
                ByteBuffer chunk = memory.limit(end).position(position).asByteBuffer();
                readFully(channel, dataStart + entry.begin() + position, chunk, file);
                if (entry.type() == SafetensorsType.BOOL) {
                    requireBooleans(chunk.flip(), file);
                }
            }
        }
    }

    private static void readFully(FileChannel channel, long position, ByteBuffer buffer, Path file) throws IOException {
        long next = position;
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer, next);
            if (count < 0) {
                throw SafetensorsHeader.refuse(file, "it became shorter while it was read");
            }
            next += count;
        }
    }

    /** C++ leaves open what happens to a bool that is neither 0 nor 1. */
    private static void requireBooleans(ByteBuffer bytes, Path file) throws InputException {
        while (bytes.hasRemaining()) {
            byte value = bytes.get();
            if (value != 0 && value != 1) {
                throw SafetensorsHeader.refuse(file, "a BOOL tensor holds the byte " + Byte.toUnsignedInt(value));
            }
        }
    }

    private static ByteBuffer lengthField() {
        return ByteBuffer.allocate(LENGTH_FIELD).order(ByteOrder.LITTLE_ENDIAN);
    }
}
