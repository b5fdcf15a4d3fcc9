package io.github.mnistlibtorch.torch.vision;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Many bytes that never change, outside of the Java heap: read into memory, or mapped from a file, which the system then
 * reads as it is asked for. Any number of threads may copy from it.
 *
 * @param pieces all of {@code pieceSize} bytes but the last
 */
record OffHeapBytes(List<ByteBuffer> pieces, int pieceSize, long size) {
    /** Memory is taken piece by piece as the bytes arrive: a header that lies costs no more than one. */
    private static final int READ_PIECE = 1 << 24; // 16 MiB

    /** One mapping cannot be larger than 2 GiB. */
    private static final int MAPPED_PIECE = 1 << 30;

    private static final int STREAM_BUFFER = 1 << 16;

    /**
     * Reads a stream to its end, or up to {@code limit} bytes.
     *
     * @param limit memory for so many bytes is taken if, and as, they arrive
     */
    static OffHeapBytes read(InputStream in, long limit) throws IOException {
        List<ByteBuffer> pieces = new ArrayList<>();
        byte[] buffer = new byte[STREAM_BUFFER]; // of which a piece holds a whole number
        long size = 0;
        int count;
        do {
            if (size % READ_PIECE == 0) {
                pieces.add(ByteBuffer.allocateDirect((int) Math.min(limit - size, READ_PIECE)));
            }
            count = in.readNBytes(buffer, 0, (int) Math.min(limit - size, buffer.length));
            pieces.get(pieces.size() - 1).put(buffer, 0, count);
            size += count;
        } while (count == buffer.length);
        pieces.forEach(ByteBuffer::flip);
        return new OffHeapBytes(pieces, READ_PIECE, size);
    }

    /** Maps a part of a file, which must not become shorter while this is in use. */
    static OffHeapBytes map(FileChannel file, long from, long size) throws IOException {
        List<ByteBuffer> pieces = new ArrayList<>();
        for (long at = 0; at < size; at += MAPPED_PIECE) {
            pieces.add(file.map(FileChannel.MapMode.READ_ONLY, from + at, Math.min(size - at, MAPPED_PIECE)));
        }
        return new OffHeapBytes(pieces, MAPPED_PIECE, size);
    }

    /** Reads items of a size, several at a time. */
    @FunctionalInterface
    interface ItemReader {
        byte[] read(int item) throws IOException;
    }

    /** Takes the bytes of each of {@code count} items from {@code reader}, which is asked by several threads at a time. */
    static OffHeapBytes ofItems(int count, int itemSize, ItemReader reader) throws IOException {
        int pieceSize = Math.max(1, READ_PIECE / itemSize) * itemSize;
        long size = (long) count * itemSize;
        List<ByteBuffer> pieces = new ArrayList<>();
        for (long at = 0; at < size; at += pieceSize) {
            pieces.add(ByteBuffer.allocateDirect((int) Math.min(size - at, pieceSize)));
        }
        try {
            IntStream.range(0, count).parallel().forEach(item -> {
                try {
                    long at = (long) item * itemSize;
                    pieces.get((int) (at / pieceSize)).put((int) (at % pieceSize), reader.read(item), 0, itemSize);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return new OffHeapBytes(pieces, pieceSize, size);
    }

    /** A copy of {@code bytes}, on the heap. */
    static OffHeapBytes of(byte[] bytes) {
        return new OffHeapBytes(List.of(ByteBuffer.wrap(bytes.clone())), Math.max(1, bytes.length), bytes.length);
    }

    /**
     * Copies {@code count} bytes that begin at {@code from} to {@code target}, where they begin at {@code position}.
     *
     * @throws IndexOutOfBoundsException if they are not all there, or do not fit
     */
    void copy(long from, int count, ByteBuffer target, int position) {
        Objects.checkFromIndexSize(from, count, size);
        for (int done = 0; done < count; ) {
            int offset = (int) ((from + done) % pieceSize);
            int length = Math.min(count - done, pieceSize - offset);
            target.put(position + done, pieces.get((int) ((from + done) / pieceSize)), offset, length);
            done += length;
        }
    }

    /** All of them, if an array can hold them. */
    byte[] toArray() {
        byte[] array = new byte[Math.toIntExact(size)];
        copy(0, array.length, ByteBuffer.wrap(array), 0);
        return array;
    }
}
