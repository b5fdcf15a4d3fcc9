package io.github.mnistlibtorch.tutorial.listeners;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * Writes scalars that TensorBoard shows: {@code torch.utils.tensorboard.SummaryWriter}.
 *
 * <p>The file is a sequence of records, each with its length and two checksums, and grows with each scalar, so that TensorBoard
 * can follow a training.
 */
public final class SummaryWriter implements AutoCloseable {
    private static final int MASK = 0xa282ead8;
    private static final int DOUBLE_1 = 1 << 3 | 1;
    private static final int VARINT_2 = 2 << 3;
    private static final int FLOAT_2 = 2 << 3 | 5;
    private static final int BYTES_1 = 1 << 3 | 2;
    private static final int BYTES_3 = 3 << 3 | 2;
    private static final int BYTES_5 = 5 << 3 | 2;

    /** More than one event needs: a tag, and four numbers. */
    private static final int OVERHEAD = 64;

    private final OutputStream out;

    /**
     * {@code SummaryWriter(log_dir)}.
     *
     * @param folder is made if it is not there, and gets a new file
     * @throws IOException if it cannot be written
     */
    public SummaryWriter(Path folder) throws IOException {
        this(folder, System.currentTimeMillis() / 1e3);
    }

    SummaryWriter(Path folder, double wallTime) throws IOException {
        Files.createDirectories(folder);
        String name = "events.out.tfevents." + (long) wallTime + "."
                + ProcessHandle.current().pid() + ".";
        int number = 0;
        while (Files.exists(folder.resolve(name + number))) {
            number++;
        }
        out = new BufferedOutputStream(
                Files.newOutputStream(folder.resolve(name + number), StandardOpenOption.CREATE_NEW));
        byte[] version = "brain.Event:2".getBytes(StandardCharsets.UTF_8);
        ByteBuffer event = buffer(version.length);
        event.put((byte) DOUBLE_1).putDouble(wallTime);
        putBytes(event, BYTES_3, version);
        try {
            writeRecord(event);
        } catch (Throwable e) {
            out.close();
            throw e;
        }
    }

    /**
     * {@code writer.add_scalar(tag, value, step)}.
     *
     * @param tag name of the curve; slashes group curves
     * @param value written as a float32
     * @param step position on the axis, counted by the caller
     * @throws IOException if it cannot be written
     */
    public void addScalar(String tag, double value, long step) throws IOException {
        addScalar(tag, value, step, System.currentTimeMillis() / 1e3);
    }

    void addScalar(String tag, double value, long step, double wallTime) throws IOException {
        byte[] name = tag.getBytes(StandardCharsets.UTF_8);
        ByteBuffer scalar = buffer(name.length);
        putBytes(scalar, BYTES_1, name);
        scalar.put((byte) FLOAT_2).putFloat((float) value);
        ByteBuffer summary = buffer(name.length);
        putBytes(summary, BYTES_1, bytes(scalar));
        ByteBuffer event = buffer(name.length);
        event.put((byte) DOUBLE_1).putDouble(wallTime);
        if (step != 0) { // as is left out in this format
            putVarint(event.put((byte) VARINT_2), step);
        }
        putBytes(event, BYTES_5, bytes(summary));
        writeRecord(event);
    }

    private static ByteBuffer buffer(int payload) {
        return ByteBuffer.allocate(OVERHEAD + payload).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void putBytes(ByteBuffer message, int field, byte[] bytes) {
        putVarint(message.put((byte) field), bytes.length);
        message.put(bytes);
    }

    private static void putVarint(ByteBuffer message, long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            message.put((byte) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        message.put((byte) rest);
    }

    private static byte[] bytes(ByteBuffer message) {
        byte[] bytes = new byte[message.position()];
        message.flip().get(bytes);
        return bytes;
    }

    private void writeRecord(ByteBuffer message) throws IOException {
        byte[] data = bytes(message);
        byte[] length = bytes(buffer(0).putLong(data.length));
        out.write(length);
        out.write(checksum(length));
        out.write(data);
        out.write(checksum(data));
        out.flush();
    }

    private static byte[] checksum(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        int value = (int) crc.getValue();
        return bytes(buffer(0).putInt((value >>> 15 | value << 17) + MASK));
    }

    /** Closes the file. */
    @Override
    public void close() throws IOException {
        out.close();
    }
}
