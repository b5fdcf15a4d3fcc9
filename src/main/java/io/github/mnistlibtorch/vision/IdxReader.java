package io.github.mnistlibtorch.vision;

import io.github.mnistlibtorch.io.InputException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Reads the IDX format that MNIST comes in: torchvision's {@code read_sn3_pascalvincent_tensor}.
 *
 * <p>A file is a magic number (two zero bytes, a type, the number of dimensions), that many 32-bit sizes, and the data,
 * everything big-endian. It may be gzipped; its first two bytes tell, not its name. No size in a file is believed: memory
 * is taken for what is really there, and of a gzipped file no more is unpacked than its header announces, plus a byte.
 */
public final class IdxReader {
    private static final int MAX_DIMENSIONS = 3;

    /** One GiB: twice the largest set in this format (the pictures of EMNIST, 547 MB). */
    private static final long MAX_DATA_BYTES = 1L << 30;

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

    /** The content of a file: {@code data} as it lies there, big-endian, its length checked against {@code shape}. */
    static final class Content {
        final Type type;
        final int[] shape;
        final byte[] data;

        Content(Type type, int[] shape, byte[] data) {
            this.type = type;
            this.shape = shape;
            this.data = data;
        }

        private Tensor toTensor() {
            long[] sizes = Arrays.stream(shape).asLongStream().toArray();
            try (TensorOptions options = new TensorOptions(type.scalarType)) {
                Tensor tensor = torch.empty(sizes, options, null);
                new BytePointer(tensor.data_ptr()).put(littleEndian(), 0, data.length);
                return tensor;
            }
        }

        /** In the byte order of every processor that LibTorch runs on. */
        private byte[] littleEndian() {
            byte[] swapped = new byte[data.length];
            for (int i = 0; i < data.length; i++) {
                int inElement = i % type.bytes;
                swapped[i - inElement + type.bytes - 1 - inElement] = data[i];
            }
            return swapped;
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
        try (InputStream in = Files.newInputStream(file)) {
            return readContent(in, file.toString());
        } catch (InputException e) {
            throw e;
        } catch (NoSuchFileException e) {
            throw new InputException(file + " does not exist; name an IDX file, raw or gzipped", e);
        } catch (IOException e) {
            throw new InputException(file + " cannot be read; check that it is a file and that you may read it", e);
        }
    }

    /** Reads {@code in}, which messages call {@code name}. */
    static Content readContent(InputStream in, String name) throws IOException {
        try {
            return parse(gunzip(in), name);
        } catch (EOFException e) {
            // Without a message if it is gzip's own header that is cut.
            throw new InputException("The gzip data of " + name + " are cut short" + REMEDY, e);
        } catch (ZipException e) {
            throw new InputException("The gzip data of " + name + " are damaged (" + e.getMessage() + ")" + REMEDY, e);
        }
    }

    private static InputStream gunzip(InputStream in) throws IOException {
        BufferedInputStream buffered = new BufferedInputStream(in, 1 << 16);
        buffered.mark(2);
        boolean gzipped = buffered.read() == 0x1f && buffered.read() == 0x8b;
        buffered.reset();
        return gzipped ? new GZIPInputStream(buffered, 1 << 16) : buffered;
    }

    private static Content parse(InputStream in, String name) throws IOException {
        byte[] magic = in.readNBytes(Integer.BYTES);
        if (magic.length < Integer.BYTES) {
            throw new InputException(name + " is cut short within its header" + REMEDY);
        }
        if (magic[0] != 0 || magic[1] != 0) {
            throw new InputException(name + " is not an IDX file: it begins with the bytes "
                    + HexFormat.ofDelimiter(" ").formatHex(magic) + REMEDY);
        }
        Type type = Arrays.stream(Type.values())
                .filter(known -> known.code == magic[2])
                .findFirst()
                .orElse(null);
        if (type == null) {
            throw new InputException(name + " holds IDX data of the unknown type " + (magic[2] & 0xff) + REMEDY);
        }
        int dimensions = magic[3] & 0xff;
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw new InputException(
                    name + " has " + dimensions + " dimensions where 1 to " + MAX_DIMENSIONS + " are allowed" + REMEDY);
        }
        byte[] sizes = in.readNBytes(dimensions * Integer.BYTES);
        if (sizes.length < dimensions * Integer.BYTES) {
            throw new InputException(name + " is cut short within its header" + REMEDY);
        }
        int[] shape = new int[dimensions];
        ByteBuffer.wrap(sizes).asIntBuffer().get(shape);
        return new Content(type, shape, readData(in, announcedBytes(type, shape, name), name));
    }

    private static int announcedBytes(Type type, int[] shape, String name) throws InputException {
        long announced = type.bytes;
        for (int size : shape) {
            // Sizes are unsigned: a negative int is one above 2^31. Checked at each step, so that nothing overflows.
            announced = size < 0 ? Long.MAX_VALUE : announced * size;
            if (announced > MAX_DATA_BYTES) {
                throw new InputException(
                        name + " announces more than the " + MAX_DATA_BYTES + " bytes that can be read" + REMEDY);
            }
        }
        if (announced == 0) {
            throw new InputException(name + " holds no items" + REMEDY);
        }
        return (int) announced;
    }

    private static byte[] readData(InputStream in, int announced, String name) throws IOException {
        // Grows with what arrives. The byte too many makes a longer file show, and gzip's own checksum be read.
        byte[] data = in.readNBytes(announced + 1);
        if (data.length < announced) {
            throw new InputException(name + " is cut short: its header announces " + announced + " bytes of data, "
                    + data.length + " are there" + REMEDY);
        }
        if (data.length > announced) {
            throw new InputException(
                    name + " goes on behind the " + announced + " bytes of data that its header announces" + REMEDY);
        }
        return data;
    }
}
