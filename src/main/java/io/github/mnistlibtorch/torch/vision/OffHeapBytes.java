package io.github.mnistlibtorch.torch.vision;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.zip.Checksum;

/**
 * Many bytes that never change, outside of the Java heap: read into memory, or mapped from a file, which the system then
 * reads as it is asked for. Any number of threads may copy from it.
 */
final class OffHeapBytes {
    /** Memory is taken piece by piece as the bytes arrive: a header that lies costs no more than one. */
    private static final int READ_SHIFT = 24; // 16 MiB

    /** One mapping cannot be larger than 2 GiB. */
    private static final int MAPPED_SHIFT = 30; // 1 GiB

    private static final int STREAM_BUFFER = 1 << 16;

    private final List<ByteBuffer> pieces; // all full but the last
    private final int shift; // of the size of a piece
    private final long size;

    private OffHeapBytes(List<ByteBuffer> pieces, int shift, long size) {
        this.pieces = pieces;
        this.shift = shift;
        this.size = size;
    }

    /**
     * Reads a stream to its end, or up to {@code limit} bytes.
     *
     * @param limit memory for so many bytes is taken if, and as, they arrive
     */
    static OffHeapBytes read(InputStream in, long limit) throws IOException {
        List<ByteBuffer> pieces = new ArrayList<>();
        byte[] buffer = new byte[(int) Math.min(limit, STREAM_BUFFER)];
        long size = 0;
        while (size < limit) {
            int room = (int) Math.min(limit - size, 1L << READ_SHIFT);
            ByteBuffer piece = ByteBuffer.allocateDirect(room);
            pieces.add(piece);
            while (piece.hasRemaining()) {
                int count = in.readNBytes(buffer, 0, Math.min(buffer.length, piece.remaining()));
                if (count == 0) {
                    return new OffHeapBytes(pieces, READ_SHIFT, size);
                }
                piece.put(buffer, 0, count);
                size += count;
            }
        }
        return new OffHeapBytes(pieces, READ_SHIFT, size);
    }

    /** Maps a part of a file, which must not become shorter while this is in use. */
    static OffHeapBytes map(FileChannel file, long from, long size) throws IOException {
        List<ByteBuffer> pieces = new ArrayList<>();
        for (long at = 0; at < size; at += 1L << MAPPED_SHIFT) {
            long room = Math.min(size - at, 1L << MAPPED_SHIFT);
            pieces.add(file.map(FileChannel.MapMode.READ_ONLY, from + at, room));
        }
        return new OffHeapBytes(pieces, MAPPED_SHIFT, size);
    }

    /** A copy of {@code bytes}, on the heap. */
    static OffHeapBytes of(byte[] bytes) {
        return new OffHeapBytes(List.of(ByteBuffer.wrap(bytes.clone())), MAPPED_SHIFT, bytes.length);
    }

    long size() {
        return size;
    }

    /**
     * Copies {@code count} bytes that begin at {@code from} to {@code target}, where they begin at {@code position}.
     *
     * @throws IndexOutOfBoundsException if they are not all there, or do not fit
     */
    void copy(long from, int count, ByteBuffer target, int position) {
        Objects.checkFromIndexSize(from, count, size); // the last piece may be longer than what is in it
        long at = from;
        int to = position;
        for (int left = count; left > 0; ) {
            ByteBuffer piece = pieces.get((int) (at >> shift));
            int offset = (int) (at & ((1L << shift) - 1));
            int length = Math.min(left, piece.capacity() - offset);
            target.put(to, piece, offset, length);
            at += length;
            to += length;
            left -= length;
        }
    }

    /** Adds all of them to a checksum. */
    void update(Checksum checksum) {
        long left = size;
        for (ByteBuffer piece : pieces) {
            int count = (int) Math.min(left, piece.capacity());
            checksum.update(piece.duplicate().position(0).limit(count));
            left -= count;
        }
    }

    /** All of them, if an array can hold them. */
    byte[] toArray() {
        byte[] array = new byte[Math.toIntExact(size)];
        copy(0, array.length, ByteBuffer.wrap(array), 0);
        return array;
    }
}
