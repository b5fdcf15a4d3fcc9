package io.github.mnistlibtorch.torch.serialization;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Writes a zip file as {@code torch.save} does: nothing is compressed, and the data of each entry begins at a multiple
 * of 64 bytes, so that {@code torch.load(…, mmap=True)} can use it where it lies.
 */
final class AlignedZip implements AutoCloseable {
    private static final int ALIGNMENT = 64;

    /** Bytes in front of an entry's name. */
    private static final int LOCAL_HEADER = 30;

    /** Bytes of the extra field that an entry of 4 GB or more gets. */
    private static final int ZIP64_EXTRA = 20;

    /** The tag with which torch marks the bytes that only fill up. */
    private static final byte[] PADDING_TAG = {'F', 'B'};

    private static final int EXTRA_HEADER = 4;

    /** The same for every file. The first month of 1980 would be written with the time zone of the machine. */
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 2, 1, 0, 0);

    private final ZipOutputStream zip;
    private final WritableByteChannel channel;

    /** Where the next entry will begin. */
    private long position;

    AlignedZip(OutputStream out) {
        zip = new ZipOutputStream(out);
        zip.setMethod(ZipOutputStream.STORED);
        channel = Channels.newChannel(zip);
    }

    void put(String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        begin(name, content.length, crc);
        zip.write(content);
        zip.closeEntry();
    }

    /** The numbers of {@code tensor} in row order. */
    void put(String name, Tensor tensor) throws IOException {
        try (Tensor dense = TensorData.dense(tensor)) {
            CRC32 crc = new CRC32();
            TensorData.forEachChunk(dense, crc::update);
            begin(name, dense.nbytes(), crc);
            TensorData.forEachChunk(dense, channel::write);
            zip.closeEntry();
        }
    }

    private void begin(String name, long size, CRC32 crc) throws IOException {
        long header = name.getBytes(StandardCharsets.UTF_8).length;
        header += LOCAL_HEADER + EXTRA_HEADER;
        if (size >= 0xFFFFFFFFL) {
            header += ZIP64_EXTRA;
        }
        int padding = (int) Math.floorMod(-(position + header), (long) ALIGNMENT);
        ZipEntry entry = new ZipEntry(name);
        entry.setTimeLocal(TIME);
        entry.setSize(size);
        entry.setCrc(crc.getValue());
        entry.setExtra(padding(padding));
        zip.putNextEntry(entry);
        position += header + padding + size;
    }

    private static byte[] padding(int size) {
        byte[] field = new byte[EXTRA_HEADER + size];
        Arrays.fill(field, (byte) 'Z');
        ByteBuffer.wrap(field).order(ByteOrder.LITTLE_ENDIAN).put(PADDING_TAG).putShort((short) size);
        return field;
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }
}
