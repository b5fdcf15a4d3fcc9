package io.github.mnistlibtorch.torch.runtime;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Unpacks gzip, but not a bomb: a small file that would unpack to any size. */
public final class BoundedGzipInputStream extends FilterInputStream {
    /** MNIST unpacks to 4.5 times its size, a trace to 21; only the same byte again and again to 1000 times. */
    private static final long MOST_RATIO = 200;

    /** So much may be unpacked at any ratio: a set of blank pictures, perhaps. */
    private static final long ALWAYS = 1L << 26;

    private final Counted packed;
    private long unpacked;

    private BoundedGzipInputStream(Counted packed, int buffer) throws IOException {
        super(new GZIPInputStream(packed, buffer));
        this.packed = packed;
    }

    /**
     * What is in {@code packed}.
     *
     * @param buffer bytes that are read at once
     * @return a stream that throws a {@link ZipException} if the data are damaged, or unpack to more than 64 MiB and 200
     *     times their size
     */
    public static InputStream open(InputStream packed, int buffer) throws IOException {
        return new BoundedGzipInputStream(new Counted(packed), buffer);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        int count = super.read(target, offset, length);
        unpacked += Math.max(count, 0);
        if (unpacked > ALWAYS && unpacked / MOST_RATIO > packed.count) {
            throw new ZipException("they unpack to more than " + MOST_RATIO + " times their size");
        }
        return count;
    }

    @Override
    public long skip(long count) throws IOException {
        return readNBytes((int) Math.max(0, Math.min(count, 1 << 16))).length;
    }

    private static final class Counted extends FilterInputStream {
        private long count;

        Counted(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            int value = super.read();
            count += value < 0 ? 0 : 1;
            return value;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int read = super.read(target, offset, length);
            count += Math.max(read, 0);
            return read;
        }
    }
}
