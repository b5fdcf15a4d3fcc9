package io.github.mnistlibtorch.torch.serialization;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.Resources;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * The numbers of a tensor on their way between native memory and a file, chunk by chunk and never on the Java heap.
 * They are little-endian, as is every platform that LibTorch is built for, so they move unchanged.
 */
final class TensorData {
    private static final int CHUNK = 1 << 24;

    private TensorData() {}

    /** Takes the bytes of a tensor, in order. */
    @FunctionalInterface
    interface Sink {
        void accept(ByteBuffer chunk) throws IOException;
    }

    /** The same numbers in row order on the CPU: the tensor's own memory, if it is like that already. */
    static Tensor dense(Tensor tensor) {
        try (Tensor detached = tensor.detach();
                Tensor onCpu = detached.cpu()) {
            return onCpu.contiguous();
        }
    }

    /** Hands out the memory of a {@code dense} tensor itself, no copy of it. */
    static void forEachChunk(Tensor dense, Sink sink) throws IOException {
        long size = dense.nbytes();
        if (size == 0) {
            return;
        }
        try (BytePointer memory = new BytePointer(dense.data_ptr())) {
            for (long position = 0; position < size; position += CHUNK) {
                // A buffer at a position of the whole would not reach beyond 2 GB.
                sink.accept(memory.getPointer(position)
                        .limit(Math.min(size - position, CHUNK))
                        .asByteBuffer());
            }
        }
    }

    /**
     * A new tensor on the CPU, filled from {@code in}.
     *
     * @throws InputException if {@code in} ends too early or holds bytes that are no numbers of this {@code type}; no
     *     tensor is left behind
     */
    static Tensor read(ReadableByteChannel in, Dtype type, List<Long> shape, InvalidFile refusal) throws IOException {
        Tensor tensor = empty(type, shape, refusal);
        return Resources.closeOnFailure(tensor::close, () -> {
            forEachChunk(tensor, chunk -> {
                readFully(in, chunk, refusal);
                if (type == Dtype.BOOL) {
                    requireBooleans(chunk.flip(), refusal);
                }
            });
            return tensor;
        });
    }

    static void readFully(ReadableByteChannel in, ByteBuffer buffer, InvalidFile refusal) throws IOException {
        while (buffer.hasRemaining()) {
            if (in.read(buffer) < 0) {
                throw refusal.because("it ends too early");
            }
        }
    }

    private static Tensor empty(Dtype type, List<Long> shape, InvalidFile refusal) throws InputException {
        long[] sizes = shape.stream().mapToLong(Long::longValue).toArray();
        try (TensorOptions options = new TensorOptions(type.scalarType())) {
            return torch.empty(sizes, options, null);
        } catch (RuntimeException e) {
            throw refusal.because("LibTorch cannot hold a tensor of shape " + shape, e);
        }
    }

    /** C++ leaves open what happens to a bool that is neither 0 nor 1. */
    private static void requireBooleans(ByteBuffer bytes, InvalidFile refusal) throws InputException {
        while (bytes.hasRemaining()) {
            byte value = bytes.get();
            if (value != 0 && value != 1) {
                throw refusal.because("a BOOL tensor holds the byte " + Byte.toUnsignedInt(value));
            }
        }
    }
}
