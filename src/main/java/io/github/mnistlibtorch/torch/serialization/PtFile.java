package io.github.mnistlibtorch.torch.serialization;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.Resources;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

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
    private static final int MAX_PICKLE = 1 << 26;

    private static final byte[] ZIP_START = {'P', 'K', 3, 4};

    /** A pickle of protocol 2 that begins with a large number. */
    private static final byte[] OLD_START = {(byte) Opcode.PROTO, 2, (byte) Opcode.LONG1, 10};

    private PtFile() {}

    /**
     * {@code torch.save(OrderedDict(state_dict), file)}: replaces or creates {@code file}, whole or not at all. The
     * same content gives the same bytes.
     *
     * @param stateDict by name, written in its order; of any shape, strides and device, each with a storage of its own
     * @throws IllegalArgumentException for a tensor of another dtype, or more tensors or names than can be read again
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void write(Path file, Map<String, Tensor> stateDict) throws IOException {
        write(file, stateDict, Map.of());
    }

    /**
     * The same with texts beside the tensors, which Python has as {@code state_dict._metadata[""]} and passes over when it loads
     * them into a module.
     *
     * @throws IllegalArgumentException as {@link #write(Path, Map)}
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void write(Path file, Map<String, Tensor> stateDict, Map<String, String> metadata)
            throws IOException {
        AtomicFile.write(file, content(PickleEncoder.stateDict(stateDict, metadata)));
    }

    /** A state dict with such texts, as a value in {@link #writeDict}. */
    public record Annotated(Map<String, Tensor> stateDict, Map<String, String> metadata) {}

    /**
     * {@code torch.save(dict, file)}, with what was in {@code file} kept as {@code previous}. Either file is at any
     * moment there whole; the same content gives the same bytes.
     *
     * @param previous in the same folder; nothing is kept if it is {@code null}
     * @param dict of texts, whole numbers, floats, booleans, tensors as in {@link #write}, and of lists and dictionaries
     *     of these
     * @throws IllegalArgumentException for anything else in it
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void writeDict(Path file, @Nullable Path previous, Map<String, ?> dict) throws IOException {
        PickleEncoder pickle = PickleEncoder.dict(dict);
        AtomicFile.write(file, previous, content(pickle));
    }

    private static AtomicFile.Content content(PickleEncoder pickle) {
        if (pickle.tensors().size() > PtArchive.MAX_STORAGES || pickle.bytes().length > MAX_PICKLE) {
            throw new IllegalArgumentException("a .pt file holds at most " + PtArchive.MAX_STORAGES
                    + " tensors, and names of " + MAX_PICKLE + " bytes together");
        }
        return out -> {
            try (AlignedZip zip = new AlignedZip(out)) {
                zip.put(ROOT + PICKLE, pickle.bytes());
                zip.put(ROOT + ".format_version", ascii("1"));
                zip.put(ROOT + ".storage_alignment", ascii("64"));
                zip.put(ROOT + BYTE_ORDER, ascii(LITTLE_ENDIAN));
                int storage = 0;
                for (Tensor tensor : pickle.tensors()) {
                    zip.put(ROOT + "data/" + storage++, tensor);
                }
                zip.put(ROOT + "version", ascii("3\n"));
            }
        };
    }

    /**
     * {@code torch.load(file, map_location="cpu")} of a state dict: every tensor, on the CPU, without a gradient, in
     * the order of the file. Tensors that shared memory in Python share it here. Of a checkpoint, its
     * {@code ["model_state_dict"]}, {@code ["state_dict"]}, {@code ["model"]} or {@code ["net"]}.
     *
     * @return by name; the caller closes the tensors, or its open {@link io.github.mnistlibtorch.torch.runtime.TensorScope} does
     * @throws InputException if the file does not exist, is damaged or holds anything but tensors; nothing is
     *     allocated on the word of the file alone, and no tensor is left behind
     * @throws IOException if the disk fails
     */
    public static Map<String, Tensor> read(Path file) throws IOException {
        InvalidFile refusal = new InvalidFile(
                file, ".pt", "save model.state_dict() alone with torch.save, or download the file again");
        try (PtArchive archive = open(file, refusal)) {
            Map<String, TensorMetadata> stored = PickleDecoder.stateDict(archive.bytes(PICKLE, MAX_PICKLE), refusal);
            return new PtDict(stored, archive, refusal).tensors();
        }
    }

    /**
     * The texts beside the tensors of {@link #read}: {@code torch.load(file)._metadata[""]}.
     *
     * @return by key; empty if there is none
     * @throws InputException as {@link #read} does
     * @throws IOException if the disk fails
     */
    public static Map<String, String> readMetadata(Path file) throws IOException {
        InvalidFile refusal = new InvalidFile(file, ".pt", "download the file again");
        try (PtArchive archive = open(file, refusal)) {
            return PickleDecoder.metadata(archive.bytes(PICKLE, MAX_PICKLE), refusal);
        }
    }

    /** Takes out of a dictionary what is to be known of it. */
    @FunctionalInterface
    public interface DictReader<T> {
        T read(PtDict dict) throws IOException;
    }

    /**
     * {@code torch.load(file, map_location="cpu")} of a dictionary of more than tensors, such as a checkpoint.
     *
     * @param refusal says why the file cannot be used
     * @param reader is given the dictionary, which it must not keep
     * @return what {@code reader} returns
     * @throws InputException as in {@link #read}, and as {@code reader} throws it
     * @throws IOException if the disk fails
     */
    public static <T> T readDict(Path file, InvalidFile refusal, DictReader<T> reader) throws IOException {
        try (PtArchive archive = open(file, refusal)) {
            Map<?, ?> dict = PickleDecoder.dict(archive.bytes(PICKLE, MAX_PICKLE), refusal);
            return reader.read(new PtDict(dict, archive, refusal));
        }
    }

    private static PtArchive open(Path file, InvalidFile refusal) throws IOException {
        InputException.requireFile(file, "name an existing .pt file");
        byte[] start = start(file);
        if (Arrays.equals(start, OLD_START)) {
            throw refusal.because("it is in the format from before PyTorch 1.6: load it in Python, and save it again");
        }
        if (!Arrays.equals(start, ZIP_START)) {
            throw refusal.because(whatIsNoArchive(start));
        }
        PtArchive archive = PtArchive.open(file, refusal);
        return Resources.closeOnFailure(archive::close, () -> {
            if (archive.has("constants.pkl")) {
                throw refusal.because("it is a TorchScript archive");
            }
            if (archive.has(BYTE_ORDER) && !Arrays.equals(archive.bytes(BYTE_ORDER, 10), ascii(LITTLE_ENDIAN))) {
                throw refusal.because("its numbers are not little-endian");
            }
            return archive;
        });
    }

    /** What downloads and clones often leave instead of a file, and what else people try. */
    private static String whatIsNoArchive(byte[] start) {
        if (start.length == 0) {
            return "it is empty";
        }
        return switch (new String(start, StandardCharsets.ISO_8859_1).substring(0, Math.min(4, start.length))) {
            case "vers" -> "it is a text, maybe a pointer of Git LFS, which git lfs pull replaces by the file";
            case "<!DO", "<htm", "<HTM", "<!do" -> "it is a web page";
            case "\u0089HDF" -> "it is an HDF5 file, as Keras writes";
            default -> start[0] == 0x1f ? "it is gzipped: unpack it" : "it is not a zip archive";
        };
    }

    /** Whether a file is none of weights, and {@link #read} says of what it is. */
    static boolean isKnownOtherwise(Path file) throws IOException {
        return !whatIsNoArchive(start(file)).equals(whatIsNoArchive(new byte[ZIP_START.length]));
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

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
