package io.github.mnistlibtorch.io;

import static io.github.mnistlibtorch.io.Refusal.quoted;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * State dicts in PyTorch's own format, which Python reads and writes with {@code torch.load} and {@code torch.save}.
 * Such a file holds a pickle, and a pickle can ask for any program to be run; here none ever is.
 *
 * <p>The dtypes are float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8 and bool.
 */
public final class PtFile {
    private static final String ROOT = "archive/";
    private static final String PICKLE = "data.pkl";
    private static final String BYTE_ORDER = "byteorder";
    private static final String LITTLE_ENDIAN = "little";

    /** In bytes; a tensor takes some 200 of them. */
    private static final int MAX_PICKLE = 1 << 24;

    private static final byte[] ZIP_START = {'P', 'K', 3, 4};

    /** A pickle of protocol 2 that begins with a large number. */
    private static final byte[] OLD_START = {(byte) Opcode.PROTO, 2, (byte) Opcode.LONG1, 10};

    private PtFile() {}

    /**
     * {@code torch.save(OrderedDict(state_dict), file)}: replaces or creates {@code file}, whole or not at all. The
     * same content gives the same bytes.
     *
     * @param stateDict by name, written in its order; of any shape, strides and device, each with a storage of its own
     * @throws IllegalArgumentException for a tensor of another dtype
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void write(Path file, Map<String, Tensor> stateDict) throws IOException {
        byte[] pickle = PickleWriter.stateDict(stateDict);
        AtomicFile.write(file, out -> {
            try (AlignedZip zip = new AlignedZip(out)) {
                zip.put(ROOT + PICKLE, pickle);
                zip.put(ROOT + ".format_version", ascii("1"));
                zip.put(ROOT + ".storage_alignment", ascii("64"));
                zip.put(ROOT + BYTE_ORDER, ascii(LITTLE_ENDIAN));
                int storage = 0;
                for (Tensor tensor : stateDict.values()) {
                    zip.put(ROOT + "data/" + storage++, tensor);
                }
                zip.put(ROOT + "version", ascii("3\n"));
            }
        });
    }

    /**
     * {@code torch.load(file, map_location="cpu")} of a state dict: every tensor, on the CPU, without a gradient, in
     * the order of the file. Tensors that shared memory in Python share it here.
     *
     * @return by name; the caller closes the tensors, or its open {@link io.github.mnistlibtorch.libtorch.Scope} does
     * @throws InputException if the file does not exist, is damaged or holds anything but tensors; nothing is
     *     allocated on the word of the file alone, and no tensor is left behind
     * @throws IOException if the disk fails
     */
    public static Map<String, Tensor> read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new InputException(file + " is not a file; name an existing .pt file");
        }
        Refusal refusal =
                new Refusal(file, ".pt", "save model.state_dict() alone with torch.save, or download the file again");
        byte[] start = start(file);
        if (Arrays.equals(start, OLD_START)) {
            throw refusal.because("it is in the format from before PyTorch 1.6");
        }
        if (!Arrays.equals(start, ZIP_START)) {
            throw refusal.because("it is not a zip archive");
        }
        try (PtArchive archive = PtArchive.open(file, refusal)) {
            if (archive.has("constants.pkl")) {
                throw refusal.because("it is a TorchScript archive");
            }
            if (archive.has(BYTE_ORDER) && !Arrays.equals(archive.bytes(BYTE_ORDER, 10), ascii(LITTLE_ENDIAN))) {
                throw refusal.because("its numbers are not little-endian");
            }
            return tensors(PickleReader.stateDict(archive.bytes(PICKLE, MAX_PICKLE), refusal), archive, refusal);
        }
    }

    /** Whether a file is PyTorch's, by its first bytes; of which version, {@link #read} says. */
    static boolean isPtFile(Path file) throws IOException {
        byte[] start = start(file);
        return Arrays.equals(start, ZIP_START) || Arrays.equals(start, OLD_START);
    }

    private static byte[] start(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(ZIP_START.length);
        }
    }

    private static Map<String, Tensor> tensors(Map<String, StoredTensor> stored, PtArchive archive, Refusal refusal)
            throws IOException {
        Map<StoredTensor.Storage, Tensor> storages = new HashMap<>();
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        boolean complete = false;
        try {
            for (Map.Entry<String, StoredTensor> entry : stored.entrySet()) {
                StoredTensor.Storage storage = entry.getValue().storage();
                Tensor elements = storages.get(storage);
                if (elements == null) {
                    elements = archive.storage(storage);
                    storages.put(storage, elements);
                }
                tensors.put(entry.getKey(), view(elements, entry.getKey(), entry.getValue(), refusal));
            }
            complete = true;
            return tensors;
        } finally {
            storages.values().forEach(Tensor::close);
            if (!complete) {
                tensors.values().forEach(Tensor::close);
            }
        }
    }

    private static Tensor view(Tensor elements, String name, StoredTensor stored, Refusal refusal)
            throws InputException {
        try (LongOptional offset = new LongOptional(stored.offset())) {
            return elements.as_strided(longs(stored.sizes()), longs(stored.strides()), offset);
        } catch (RuntimeException e) {
            throw refusal.because("LibTorch cannot hold the tensor " + quoted(name), e);
        }
    }

    private static long[] longs(List<Long> numbers) {
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
