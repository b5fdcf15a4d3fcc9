package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.BoundedGzipInputStream;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.ZipException;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Reads the IDX format that MNIST comes in: torchvision's {@code read_sn3_pascalvincent_tensor}.
 *
 * <p>A file is a magic number (two zero bytes, a type, the number of dimensions), that many 32-bit sizes, and the data,
 * everything big-endian. It may be gzipped; its first two bytes tell, not its name. No size in a file is believed: memory
 * is taken for what is really there, and of a gzipped file no more is unpacked than its header announces, plus a byte.
 * Large files that are not gzipped are not read but mapped: they may be larger than the memory.
 */
public final class IdxReader {
    private static final int MAX_DIMENSIONS = 3;

    /** What is unpacked or read from a stream. One GiB: twice the largest set in this format (EMNIST, 547 MB). */
    private static final long MAX_READ_BYTES = 1L << 30;

    /** Larger files are mapped; a smaller one is read, and may then be changed or deleted without harm. */
    private static final long MAX_FILE_READ_BYTES = 1L << 28;

    private static final int COPIED_AT_ONCE = 1 << 20;

    private static final int BUFFER = 1 << 16;

    private static final String REMEDY = "; replace it with an intact copy";

    private IdxReader() {}

    /** The types that torchvision knows; code 10 is a gap in the format. */
    enum Type {
        UINT8(8, 1, ScalarType.Byte),
        INT8(9, 1, ScalarType.Char),
        INT16(11, 2, ScalarType.Short),
        INT32(12, 4, ScalarType.Int),
        FLOAT32(13, 4, ScalarType.Float),
        FLOAT64(14, 8, ScalarType.Double);

        private final int code;
        private final int bytes;
        private final ScalarType scalarType;

        Type(int code, int bytes, ScalarType scalarType) {
            this.code = code;
            this.bytes = bytes;
            this.scalarType = scalarType;
        }
    }

    /** What a file, which messages call {@code name}, says about its data. */
    record Header(String name, Type type, List<Integer> shape) {
        private static Header read(InputStream in, String name) throws IOException {
            byte[] magic = readNBytes(in, Integer.BYTES, name);
            if (magic[0] != 0 || magic[1] != 0) {
                String text = new String(magic, StandardCharsets.ISO_8859_1);
                throw new InputException(name + " is not an IDX file: "
                        + (text.startsWith("<")
                                ? "it is a web page"
                                : text.equals("vers")
                                        ? "it is a pointer of Git LFS, which git lfs pull replaces by the file"
                                        : "it begins with the bytes "
                                                + HexFormat.ofDelimiter(" ").formatHex(magic))
                        + REMEDY);
            }
            Type type = Arrays.stream(Type.values())
                    .filter(known -> known.code == magic[2])
                    .findFirst()
                    .orElseThrow(() -> new InputException(
                            name + " holds IDX data of the unknown type " + (magic[2] & 0xff) + REMEDY));
            int dimensions = magic[3] & 0xff;
            if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
                throw new InputException(name + " has " + dimensions + " dimensions where 1 to " + MAX_DIMENSIONS
                        + " are allowed" + REMEDY);
            }
            ByteBuffer sizes = ByteBuffer.wrap(readNBytes(in, dimensions * Integer.BYTES, name));
            List<Integer> shape = IntStream.range(0, dimensions)
                    .mapToObj(i -> sizes.getInt(i * Integer.BYTES))
                    .toList();
            return new Header(name, type, shape);
        }

        private static byte[] readNBytes(InputStream in, int count, String name) throws IOException {
            byte[] bytes = in.readNBytes(count);
            if (bytes.length < count) {
                throw new InputException(name + " is cut short within its header" + REMEDY);
            }
            return bytes;
        }

        private int bytes() {
            return (1 + shape.size()) * Integer.BYTES;
        }

        /** Bytes of data that are announced; the largest number of all if they are more than {@code most}. */
        private long dataBytes(long most) throws InputException {
            long announced = type.bytes;
            for (int size : shape) {
                // Sizes are unsigned: a negative int is one above 2^31. Checked at each step, so that nothing
                // overflows.
                if (size < 0 || (size > 0 && announced > most / size)) {
                    return Long.MAX_VALUE;
                }
                announced *= size;
            }
            if (announced == 0) {
                throw new InputException(name + " holds no items" + REMEDY);
            }
            return announced;
        }

        private void requireAll(long announced, long there) throws InputException {
            if (there < announced) {
                throw new InputException(name + " is cut short: its header announces " + announced + " bytes of data, "
                        + there + " are there" + REMEDY);
            }
            if (there > announced) {
                throw new InputException(name + " goes on behind the " + announced
                        + " bytes of data that its header announces" + REMEDY);
            }
        }
    }

    /** The content of a file: {@code data} as it lies there, big-endian, its length checked against {@code header}. */
    record Content(Header header, OffHeapBytes data) {
        private Tensor toTensor() {
            int width = header.type.bytes;
            try (TensorScope scope = TensorScope.open()) {
                Tensor bytes =
                        torch.empty(new long[] {data.size() / width, width}, new TensorOptions(ScalarType.Byte), null);
                BytePointer target = new BytePointer(bytes.data_ptr());
                for (long at = 0; at < data.size(); at += COPIED_AT_ONCE) {
                    int count = (int) Math.min(data.size() - at, COPIED_AT_ONCE);
                    data.copy(at, count, target.getPointer(at).capacity(count).asByteBuffer(), 0);
                    if (width > 1) {
                        // To the byte order of every processor that LibTorch runs on.
                        try (Tensor elements = bytes.narrow(/* dim= */ 0, at / width, count / width);
                                Tensor littleEndian = elements.flip(1)) {
                            elements.copy_(littleEndian).close();
                        }
                    }
                }
                return scope.keep(bytes.view(header.type.scalarType)
                        .view(header.shape.stream()
                                .mapToLong(Integer::longValue)
                                .toArray()));
            }
        }
    }

    /**
     * Reads a file, raw or gzipped: {@code read_sn3_pascalvincent_tensor(file)}.
     *
     * @return a tensor of the file's type (uint8, int8, int16, int32, float32 or float64) and 1 to 3 dimensions
     * @throws InputException if the file cannot be read, is not in this format, holds no items, or is shorter or longer
     *     than it announces
     */
    public static Tensor read(Path file) throws InputException {
        return readContent(file).toTensor();
    }

    static Content readContent(Path file) throws InputException {
        try (FileChannel channel = FileChannel.open(file)) {
            // A pipe has no size: what comes out of it is counted as it comes.
            FileChannel mappable = Files.isRegularFile(file) ? channel : null;
            return readContent(Channels.newInputStream(channel), mappable, PlainText.name(file));
        } catch (InputException e) {
            throw e;
        } catch (NoSuchFileException e) {
            throw new InputException(PlainText.name(file) + " does not exist; name an IDX file, raw or gzipped", e);
        } catch (IOException e) {
            throw new InputException(
                    PlainText.name(file) + " cannot be read; check that it is a file and that you may read it", e);
        }
    }

    /** Reads {@code in}, which messages call {@code name}. */
    static Content readContent(InputStream in, String name) throws IOException {
        return readContent(in, /* file= */ null, name);
    }

    /** @param file what {@code in} reads, if that may be mapped instead */
    private static Content readContent(InputStream in, @Nullable FileChannel file, String name) throws IOException {
        try {
            // Buffered here: behind the header, the position of the channel means nothing.
            InputStream buffered = new BufferedInputStream(in, BUFFER);
            boolean gzipped = isGzipped(buffered);
            InputStream content = gzipped ? BoundedGzipInputStream.open(buffered, BUFFER) : buffered;
            Header header = Header.read(content, name);
            if (file != null && !gzipped && file.size() - header.bytes() > MAX_FILE_READ_BYTES) {
                return new Content(header, map(file, header));
            }
            return new Content(header, read(content, header));
        } catch (EOFException e) {
            // Without a message if it is gzip's own header that is cut.
            throw new InputException("The gzip data of " + name + " are cut short" + REMEDY, e);
        } catch (ZipException e) {
            throw new InputException("The gzip data of " + name + " are damaged (" + e.getMessage() + ")" + REMEDY, e);
        }
    }

    private static boolean isGzipped(InputStream buffered) throws IOException {
        buffered.mark(2);
        boolean gzipped = buffered.read() == 0x1f && buffered.read() == 0x8b;
        buffered.reset();
        return gzipped;
    }

    private static OffHeapBytes map(FileChannel file, Header header) throws IOException {
        long announced = header.dataBytes(Long.MAX_VALUE);
        header.requireAll(announced, file.size() - header.bytes());
        return OffHeapBytes.map(file, header.bytes(), announced);
    }

    private static OffHeapBytes read(InputStream in, Header header) throws IOException {
        long announced = header.dataBytes(MAX_READ_BYTES);
        if (announced > MAX_READ_BYTES) {
            throw new InputException(header.name + " announces more than the " + MAX_READ_BYTES
                    + " bytes that can be read" + REMEDY + "; only files that are not gzipped may be larger");
        }
        OffHeapBytes data = OffHeapBytes.read(in, announced);
        // Whether there is more also makes gzip's own checksum be read.
        header.requireAll(announced, data.size() + (in.read() < 0 ? 0 : 1));
        return data;
    }
}
