package io.github.mnistlibtorch.torch.vision;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * An array of whole numbers in a file of NumPy's: {@code numpy.load(file)[name]}.
 *
 * @param name of the file and the array, for messages
 * @param type as NumPy writes it: {@code |u1}, {@code <i8}, …
 * @param data as they lie there
 */
record NpyArray(String name, String type, List<Integer> shape, OffHeapBytes data) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final String EXTENSION = ".npy";

    /** Of Python's text that describes an array. */
    private static final int MAX_HEADER = 10_000;

    private static final long MAX_BYTES = 1L << 30;
    private static final int MAX_DIMENSIONS = 4;

    private static final Pattern TYPE = Pattern.compile("'descr': *'([<>|])([iub])([1248])'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order': *False");
    private static final Pattern SHAPE = Pattern.compile("'shape': *\\(([0-9, ]*)\\)");

    /**
     * Reads some of the arrays of a {@code .npz} file.
     *
     * @throws InputException if it is damaged, or an array is not of whole numbers
     */
    static Map<String, NpyArray> read(Path npz, Predicate<String> wanted) throws InputException {
        Map<String, NpyArray> arrays = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(npz.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                String key = key(entry);
                if (entry.getName().endsWith(EXTENSION) && wanted.test(key)) {
                    // ZipFile does not compare it.
                    CRC32 crc = new CRC32();
                    try (InputStream in = new CheckedInputStream(zip.getInputStream(entry), crc)) {
                        arrays.put(key, read(in, PlainText.name(npz) + ", " + PlainText.name(key)));
                        in.transferTo(OutputStream.nullOutputStream());
                    }
                    if (crc.getValue() != entry.getCrc()) {
                        throw new InputException(PlainText.name(npz) + ", " + PlainText.name(key)
                                + " is damaged; replace it with an intact copy");
                    }
                }
            }
            return arrays;
        } catch (InputException e) {
            throw e;
        } catch (ZipException e) {
            throw new InputException(
                    PlainText.name(npz) + " is not a file of numpy.savez; replace it with an intact copy", e);
        } catch (IOException e) {
            throw new InputException(
                    PlainText.name(npz) + " cannot be read; check that it is a file and that you may read it", e);
        }
    }

    /** The names of the arrays in a {@code .npz} file; none if it is not one. */
    static List<String> names(Path npz) {
        try (ZipFile zip = new ZipFile(npz.toFile())) {
            return zip.stream().map(NpyArray::key).toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static String key(ZipEntry entry) {
        return entry.getName().replaceFirst("\\.npy$", "");
    }

    private static NpyArray read(InputStream in, String name) throws IOException {
        byte[] start = in.readNBytes(MAGIC.length + 2);
        if (start.length < MAGIC.length + 2 || !Arrays.equals(Arrays.copyOf(start, MAGIC.length), MAGIC)) {
            throw refused(name, "is no array of NumPy");
        }
        int lengthBytes = start[MAGIC.length] == 1 ? Short.BYTES : Integer.BYTES;
        byte[] length = Arrays.copyOf(in.readNBytes(lengthBytes), Integer.BYTES);
        int headerBytes = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getInt();
        if (headerBytes < 0 || headerBytes > MAX_HEADER) {
            throw refused(name, "has a header of " + headerBytes + " bytes");
        }
        String header = new String(in.readNBytes(headerBytes), ISO_8859_1);
        Matcher type = TYPE.matcher(header);
        Matcher shape = SHAPE.matcher(header);
        if (!type.find() || !shape.find() || !ORDER.matcher(header).find()) {
            throw new InputException(name + " is not an array of whole numbers in C's order; save it with"
                    + " numpy.ascontiguousarray(array).astype('uint8')");
        }
        List<Integer> sizes;
        try {
            sizes = Arrays.stream(shape.group(1).split(","))
                    .map(String::strip)
                    .filter(size -> !size.isEmpty())
                    .map(Integer::valueOf)
                    .toList();
        } catch (NumberFormatException e) {
            throw refused(name, "has more items than can be read");
        }
        long bytes = Integer.parseInt(type.group(3));
        for (int size : sizes) {
            bytes = bytes > MAX_BYTES ? bytes : bytes * size;
        }
        if (sizes.isEmpty() || sizes.size() > MAX_DIMENSIONS || bytes == 0 || bytes > MAX_BYTES) {
            throw refused(
                    name,
                    "has the shape (" + shape.group(1) + "), where 1 to 4 dimensions and 1 byte to 1 GiB can"
                            + " be read");
        }
        OffHeapBytes data = OffHeapBytes.read(in, bytes);
        if (data.size() < bytes) {
            throw refused(name, "is cut short");
        }
        return new NpyArray(name, type.group(1) + type.group(2) + type.group(3), sizes, data);
    }

    private static InputException refused(String name, String reason) {
        return new InputException(name + " " + reason + "; save it again with numpy.savez");
    }

    /** All numbers, if each fits an int. */
    int[] toInts() throws InputException {
        ByteBuffer bytes = ByteBuffer.wrap(data.toArray())
                .order(type.charAt(0) == '>' ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        int width = type.charAt(2) - '0';
        int[] numbers = new int[bytes.capacity() / width];
        for (int i = 0; i < numbers.length; i++) {
            long number = switch (width) {
                case 1 -> bytes.get(i) & 0xff;
                case 2 -> bytes.getShort(i * width);
                case 4 -> bytes.getInt(i * width);
                default -> bytes.getLong(i * width);
            };
            if (number != (int) number) {
                throw refused(name, "holds the number " + number);
            }
            numbers[i] = (int) number;
        }
        return numbers;
    }
}
