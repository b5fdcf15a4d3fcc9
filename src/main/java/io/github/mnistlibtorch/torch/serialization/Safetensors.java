package io.github.mnistlibtorch.torch.serialization;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.Resources;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/**
 * Tensors in the safetensors format, which Python reads and writes with {@code safetensors.torch}. Unlike a pickle
 * such a file holds numbers and text only; nothing in it is ever executed.
 *
 * <p>The dtypes are float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8 and bool.
 */
public final class Safetensors {
    /** The limit of the reference implementation, in bytes. */
    static final int MAX_HEADER = 100_000_000;

    private static final int LENGTH_FIELD = Long.BYTES;

    private Safetensors() {}

    /**
     * {@code safetensors.torch.save_file(tensors, file, metadata)}: replaces or creates {@code file}, whole or not
     * at all.
     *
     * @param tensors by name; of any shape, strides and device. Written in the order of the reference
     *     implementation (wide dtypes first, then by name), so that the same content gives the same bytes
     * @param metadata free text kept with the tensors; empty for none
     * @throws IllegalArgumentException for a tensor of another dtype, or named {@code __metadata__}, for more than 100,000 tensors,
     *     or if names and shapes are longer than a file may have them
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) throws IOException {
        if (Math.max(tensors.size(), metadata.size()) > SafetensorsHeader.MAX_TENSORS) {
            throw new IllegalArgumentException("a safetensors file holds at most " + SafetensorsHeader.MAX_TENSORS
                    + " tensors, and as many metadata");
        }
        SafetensorsHeader header = SafetensorsHeader.of(tensors, metadata);
        byte[] json = header.toBytes();
        if (json.length > MAX_HEADER) {
            throw new IllegalArgumentException("the names and shapes take " + json.length
                    + " bytes, and a safetensors file has room for " + MAX_HEADER);
        }
        AtomicFile.write(file, out -> {
            out.write(lengthField().putLong(0, json.length).array());
            out.write(json);
            WritableByteChannel channel = Channels.newChannel(out);
            for (SafetensorsHeader.Entry entry : header.entries()) {
                try (Tensor dense = TensorData.dense(Objects.requireNonNull(tensors.get(entry.name())))) {
                    TensorData.forEachChunk(dense, channel::write);
                }
            }
        });
    }

    /**
     * {@code safetensors.torch.load_file(file)}: every tensor, on the CPU, in the order of the file.
     *
     * @return by name; the caller closes the tensors, or its open {@link io.github.mnistlibtorch.torch.runtime.TensorScope} does
     * @throws InputException if the file does not exist, is truncated or is not what the format asks for; nothing is
     *     allocated on the word of the file alone, and no tensor is left behind
     * @throws IOException if the disk fails
     */
    public static Map<String, Tensor> read(Path file) throws IOException {
        InvalidFile refusal = refusal(file);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        return Resources.closeOnFailure(() -> tensors.values().forEach(Tensor::close), () -> {
            try (FileChannel channel = open(file)) {
                // The tensors follow the header and each other without a gap.
                for (SafetensorsHeader.Entry entry :
                        readHeader(channel, refusal).entries()) {
                    tensors.put(entry.name(), TensorData.read(channel, entry.type(), entry.shape(), refusal));
                }
                return tensors;
            }
        });
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
            return readHeader(channel, refusal(file)).metadata();
        }
    }

    private static InvalidFile refusal(Path file) {
        return new InvalidFile(file, "safetensors", "save or download it again");
    }

    private static FileChannel open(Path file) throws IOException {
        InputException.requireFile(file, "name an existing safetensors file");
        return FileChannel.open(file, StandardOpenOption.READ);
    }

    /** The length that the file states for its header, once it is known to be possible. */
    private static int headerLength(FileChannel channel, InvalidFile refusal) throws IOException {
        long size = channel.size();
        if (size < LENGTH_FIELD) {
            throw refusal.because("it has only " + size + " bytes");
        }
        ByteBuffer lengthField = lengthField();
        TensorData.readFully(channel, lengthField, refusal);
        long length = lengthField.getLong(0);
        if (length < 0 || length > MAX_HEADER) {
            throw refusal.because("its header would be larger than " + MAX_HEADER + " bytes");
        }
        if (length > size - LENGTH_FIELD) {
            throw refusal.because("its header of " + length + " bytes would be larger than the file");
        }
        return (int) length;
    }

    /** Reads from the first byte to the last one before the data. */
    private static SafetensorsHeader readHeader(FileChannel channel, InvalidFile refusal) throws IOException {
        ByteBuffer json = ByteBuffer.allocate(headerLength(channel, refusal));
        TensorData.readFully(channel, json, refusal);
        return SafetensorsHeader.parse(json.array(), channel.size() - channel.position(), refusal);
    }

    private static ByteBuffer lengthField() {
        return ByteBuffer.allocate(LENGTH_FIELD).order(ByteOrder.LITTLE_ENDIAN);
    }
}
