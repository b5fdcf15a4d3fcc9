package io.github.mnistlibtorch.torch.runtime;

import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * Unpacks gzip, but not a bomb: a small file that would unpack to any size. Unlike {@link java.util.zip.GZIPInputStream} it
 * takes any number of members, and nothing but zeros behind the last one, as Python's {@code gzip} does.
 */
public final class BoundedGzipInputStream extends FilterInputStream {
    /** MNIST unpacks to 4.5 times its size, a trace to 21; only the same byte again and again to 1000 times. */
    private static final long MOST_RATIO = 200;

    /** So much may be unpacked at any ratio: a set of blank pictures, perhaps. */
    private static final long ALWAYS = 1L << 26;

    private static final int FIRST = 0x1f;
    private static final int SECOND = 0x8b;
    private static final int DEFLATE = 8;

    // The flags of a header.
    private static final int HEADER_CHECKSUM = 1 << 1;
    private static final int EXTRA = 1 << 2;
    private static final int NAME = 1 << 3;
    private static final int COMMENT = 1 << 4;

    private final Inflater inflater = new Inflater(/* nowrap= */ true);
    private final CRC32 checksum = new CRC32();

    /** What was read of the file: {@code next} up to {@code end} is yet to be looked at, but while the inflater has it. */
    private final byte[] buffer;

    private int next;
    private int end;

    private long packed;
    private long unpacked;
    private boolean isAtEnd;

    private BoundedGzipInputStream(InputStream packed, int buffer) {
        super(packed);
        this.buffer = new byte[buffer];
    }

    /**
     * What is in {@code packed}.
     *
     * @param buffer bytes that are read at once
     * @return a stream that throws a {@link ZipException} if the data are damaged, or unpack to more than 64 MiB and 200
     *     times their size
     */
    public static InputStream open(InputStream packed, int buffer) throws IOException {
        BoundedGzipInputStream stream = new BoundedGzipInputStream(packed, buffer);
        return Resources.closeOnFailure(stream.inflater::end, () -> {
            stream.readHeader(stream.require());
            return stream;
        });
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        while (length > 0 && !isAtEnd) {
            int count = inflate(target, offset, length);
            if (count > 0) {
                checksum.update(target, offset, count);
                unpacked += count;
                if (unpacked > ALWAYS && unpacked / MOST_RATIO > packed) {
                    throw new ZipException("they unpack to more than " + MOST_RATIO + " times their size");
                }
                return count;
            }
            if (inflater.finished()) {
                next = end - inflater.getRemaining();
                readTrailer();
                isAtEnd = !readNextHeader();
            } else if (inflater.needsDictionary()) {
                throw new ZipException("they need a dictionary");
            } else if (fill()) {
                inflater.setInput(buffer, 0, end);
            } else {
                throw new EOFException();
            }
        }
        return length > 0 ? -1 : 0;
    }

    private int inflate(byte[] target, int offset, int length) throws ZipException {
        try {
            return inflater.inflate(target, offset, length);
        } catch (DataFormatException e) {
            throw new ZipException(String.valueOf(e.getMessage()));
        }
    }

    private boolean readNextHeader() throws IOException {
        int first;
        do {
            first = take();
        } while (first == 0);
        if (first >= 0) {
            readHeader(first);
        }
        return first >= 0;
    }

    private void readHeader(int first) throws IOException {
        if (first != FIRST || require() != SECOND || require() != DEFLATE) {
            throw new ZipException("not in GZIP format");
        }
        int flags = require();
        skipBytes(6); // of the time, the level and the system
        if ((flags & EXTRA) != 0) {
            skipBytes(require() | require() << Byte.SIZE);
        }
        if ((flags & NAME) != 0) {
            skipText();
        }
        if ((flags & COMMENT) != 0) {
            skipText();
        }
        if ((flags & HEADER_CHECKSUM) != 0) {
            skipBytes(2);
        }
        checksum.reset();
        inflater.reset();
        inflater.setInput(buffer, next, end - next);
    }

    private void readTrailer() throws IOException {
        long stored = uint32();
        if (stored != checksum.getValue() || uint32() != (inflater.getBytesWritten() & 0xffff_ffffL)) {
            throw new ZipException("their checksum or their size is another one");
        }
    }

    private long uint32() throws IOException {
        long value = 0;
        for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
            value |= (long) require() << shift;
        }
        return value;
    }

    private void skipBytes(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            require();
        }
    }

    private void skipText() throws IOException {
        while (require() != 0) {
            // goes on
        }
    }

    /** The next byte of the file that is not data. */
    private int require() throws IOException {
        int value = take();
        if (value < 0) {
            throw new EOFException();
        }
        return value;
    }

    /** The same, or -1 at its end. */
    private int take() throws IOException {
        return next < end || fill() ? Byte.toUnsignedInt(buffer[next++]) : -1;
    }

    private boolean fill() throws IOException {
        next = 0;
        end = Math.max(0, in.read(buffer, 0, buffer.length));
        packed += end;
        return end > 0;
    }

    @Override
    public long skip(long count) throws IOException {
        return readNBytes((int) Math.max(0, Math.min(count, 1 << 16))).length;
    }

    @Override
    public int available() {
        return 0;
    }

    @Override
    public boolean markSupported() {
        return false;
    }

    @Override
    public void close() throws IOException {
        inflater.end();
        super.close();
    }
}
