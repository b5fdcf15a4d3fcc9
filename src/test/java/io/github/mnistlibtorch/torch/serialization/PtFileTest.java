package io.github.mnistlibtorch.torch.serialization;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The files in {@code test-data/pt}: Python, by {@code notebooks-reference/record_pt.py}. */
@ExtendWith(LibTorchExtension.class)
class PtFileTest {
    private static final Path RECORDED = Path.of("test-data/pt");

    /** Elements of the storage 0 in the files that are made here. */
    private static final int NUMEL = 6;

    @TempDir
    Path folder;

    static Stream<Arguments> recordedFiles() {
        return new JsonMapper()
                .readTree(RECORDED.resolve("expected.json")).properties().stream()
                        .map(file -> arguments(file.getKey(), file.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("recordedFiles")
    void everyFileOfPythonReadsBitForBit(String name, JsonNode expected) throws IOException {
        Map<String, Tensor> tensors = PtFile.read(RECORDED.resolve(name + ".pt"));

        assertThat(List.copyOf(tensors.keySet())).isEqualTo(List.copyOf(expected.propertyNames()));
        tensors.forEach((key, tensor) -> {
            assertThat(describe(tensor)).as(key).isEqualTo(describe(expected.get(key)));
            assertThat(strides(tensor))
                    .as(key)
                    .containsExactly(longs(expected.get(key).get("stride")));
            assertThat(tensor.device().is_cpu()).isTrue();
            assertThat(tensor.requires_grad()).isFalse();
        });
        close(tensors);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("recordedFiles")
    void whatIsWrittenComesBackBitForBit(String name, JsonNode expected) throws IOException {
        Map<String, Tensor> tensors = PtFile.read(RECORDED.resolve(name + ".pt"));
        PtFile.write(folder.resolve("copy.pt"), tensors);
        close(tensors);

        Map<String, Tensor> copies = PtFile.read(folder.resolve("copy.pt"));

        assertThat(List.copyOf(copies.keySet())).isEqualTo(List.copyOf(expected.propertyNames()));
        copies.forEach((key, tensor) -> assertThat(describe(tensor)).as(key).isEqualTo(describe(expected.get(key))));
        close(copies);
    }

    /** It could ask for itself a million times. */
    @Test
    void aFunctionThatAsksForItselfIsRefused() throws IOException {
        String pickle = withAttributes() + withAttributes() + "N)\u0087R.";
        assertRefused(archive(pickle), "does not add up");
    }

    /** The names share one hash: as keys of a dictionary they must not be compared with each other. */
    @Tag("slow")
    @Test
    void keysThatShareAHashAreNoTrouble() throws IOException {
        StringBuilder items = new StringBuilder("}(");
        for (int i = 0; i < 1 << 14; i++) {
            StringBuilder name = new StringBuilder("float");
            for (int bit = 0; bit < 14; bit++) {
                name.append((i >> bit & 1) == 0 ? "Aa" : "BB");
            }
            items.append(global("torch", name.toString())).append("N");
        }
        assertRefused(archive(items + "u."), "a key in it is not a text");
    }

    @Test
    void tensorsThatShareMemoryInPythonShareItHere() throws IOException {
        Map<String, Tensor> tensors = PtFile.read(RECORDED.resolve("views.pt"));
        Tensor base = Objects.requireNonNull(tensors.get("base"));
        Tensor scalar = Objects.requireNonNull(tensors.get("scalar"));
        Tensor tied = Objects.requireNonNull(tensors.get("tied"));

        base.fill_(new Scalar(9));

        assertThat(scalar.item_float()).isEqualTo(9);
        assertThat(tied.equal(base)).isTrue();
        close(tensors);
    }

    @Test
    void tensorOutlivesTheOthersOfItsStorage() throws IOException {
        Map<String, Tensor> tensors = PtFile.read(RECORDED.resolve("views.pt"));
        Tensor scalar = Objects.requireNonNull(tensors.remove("scalar"));
        close(tensors);

        assertThat(scalar.item_float()).isEqualTo(7);
        scalar.close();
    }

    @Test
    void sameContentGivesTheSameBytes() throws IOException {
        Map<String, Tensor> tensors = PtFile.read(RECORDED.resolve("views.pt"));

        PtFile.write(folder.resolve("first.pt"), tensors);
        PtFile.write(folder.resolve("second.pt"), tensors);
        close(tensors);

        assertThat(folder.resolve("first.pt")).hasSameBinaryContentAs(folder.resolve("second.pt"));
    }

    @Test
    void entriesAreThoseOfTorchAlignedAndNotCompressed() throws IOException {
        Map<String, Tensor> tensors = PtFile.read(RECORDED.resolve("dtypes.pt"));
        Path file = folder.resolve("dtypes.pt");
        PtFile.write(file, tensors);
        close(tensors);

        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<String> names = new ArrayList<>();
        int position = 0;
        while (bytes.getInt(position) == 0x04034b50) {
            int nameLength = bytes.getShort(position + 26);
            int data = position + 30 + nameLength + bytes.getShort(position + 28);
            names.add(new String(bytes.array(), position + 30, nameLength, UTF_8));
            assertThat(data % 64).isZero();
            position = data + bytes.getInt(position + 18);
        }
        try (ZipFile zip = new ZipFile(file.toFile());
                ZipFile torch = new ZipFile(RECORDED.resolve("dtypes.pt").toFile())) {
            assertThat(zip.stream().map(ZipEntry::getName)).containsExactlyElementsOf(names);
            assertThat(zip.stream().map(ZipEntry::getMethod)).containsOnly(ZipEntry.STORED);
            // torch adds a hash of the names and checksums, which nothing asks for.
            assertThat(torch.stream().map(entry -> entry.getName().replace("dtypes/", "archive/")))
                    .containsExactlyElementsOf(
                            Stream.concat(names.stream(), Stream.of("archive/.data/serialization_id"))
                                    .toList());
        }
    }

    @Tag("slow")
    @Test
    void largeTensorsNeverGoThroughTheHeap() throws IOException, InterruptedException {
        Path log = folder.resolve("log");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx32m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SmallHeap.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    }

    @Test
    void otherDtypesAreNotWritten() {
        try (TensorOptions complex = new TensorOptions(ScalarType.ComplexFloat);
                Tensor tensor = torch.empty(new long[] {1}, complex, null)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> PtFile.write(folder.resolve("z.pt"), Map.of("z", tensor)))
                    .withMessage("tensor \"z\" is of a dtype that cannot be saved: ComplexFloat");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void formatIsToldByTheContent() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = torch.ones(3);
            PtFile.write(folder.resolve("a.safetensors"), Map.of("tensor", tensor));
            Safetensors.write(folder.resolve("b.pt"), Map.of("tensor", tensor), Map.of());
            for (String name : List.of("a.safetensors", "b.pt")) {
                assertThat(StateDict.read(folder.resolve(name)))
                        .hasEntrySatisfying("tensor", read -> read.equal(tensor));
            }
        }
    }

    @Test
    void contentOfNeitherFormatIsRefusedInTheWordsOfTheFormatThatTheNameSays() throws IOException {
        for (String name : List.of("poem.pt", "poem.safetensors")) {
            Path poem = Files.writeString(folder.resolve(name), "Tyger Tyger, burning bright,");
            assertThatThrownBy(() -> StateDict.read(poem))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("not a usable " + (name.endsWith(".pt") ? ".pt" : "safetensors") + " file");
        }
    }

    @Test
    void missingFileAndFolderAreRefused() {
        for (Path path : List.of(folder, folder.resolve("missing"))) {
            assertThatThrownBy(() -> PtFile.read(path))
                    .isInstanceOf(InputException.class)
                    .hasMessage(path + " is not a file; name an existing .pt file");
            assertThatThrownBy(() -> StateDict.read(path))
                    .isInstanceOf(InputException.class)
                    .hasMessage(path + " is not a file; name an existing .pt or safetensors file");
        }
    }

    static Stream<Arguments> programs() {
        String touch = "(" + text("touch touched") + "t";
        return Stream.of(
                arguments("posix.system", global("posix", "system") + touch + "R"),
                arguments("posix.system", text("posix") + text("system") + "\u0093" + touch + "R"),
                arguments("posix.system", "(" + text("touch touched") + "iposix\nsystem\n"),
                arguments("nt.system", "\u0080\u0004" + global("nt", "system") + touch + "R"),
                arguments("builtins.eval", global("builtins", "eval") + touch + "R"),
                arguments("__builtin__.exec", "(" + global("__builtin__", "exec") + text("pass") + "o"),
                arguments("subprocess.Popen", global("subprocess", "Popen") + touch + "\u0081"),
                arguments("torch.load", global("torch", "load") + touch + "R"),
                arguments("torch.storage._load_from_bytes", global("torch.storage", "_load_from_bytes")),
                arguments("torch.serialization.FloatStorage", global("torch.serialization", "FloatStorage")),
                arguments("__main__.MnistModel", global("__main__", "MnistModel") + ")\u0081"),
                arguments("java.lang.Runtime", global("java.lang", "Runtime") + ")R"),
                arguments("extension 7", "\u0082\u0007"),
                arguments("extension 263", "\u0083\u0007\u0001"),
                arguments("extension 16777216", "\u0084\u0000\u0000\u0000\u0001"),
                arguments("a?b.c", global("a\tb", "c")),
                arguments(".", global("", "")),
                // After a good state dict.
                arguments("posix.system", dict(text("a"), tensor()) + global("posix", "system") + touch + "Rb"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("programs")
    void anythingThatIsNoTensorIsNamedAndNotRun(String name, String pickle) throws IOException {
        Path touched = Path.of("touched");
        assertRefused(archive(pickle + "."), "it asks for \"" + name + "\", which is no part of a state dict");
        assertThat(touched).doesNotExist();
    }

    static Stream<Arguments> hostilePickles() {
        String float6 = storage("FloatStorage", "0", NUMEL);
        return Stream.of(
                arguments("", "its pickle is truncated"),
                arguments("N", "it holds no dictionary of tensors"),
                arguments(")", "it holds no dictionary of tensors"),
                arguments(tensor(), "it holds no dictionary of tensors"),
                arguments(dict(text("epoch"), int1(3)), "what it holds as \"epoch\" is not a tensor"),
                arguments(dict(text("lr"), "G12345678"), "what it holds as \"lr\" is not a tensor"),
                arguments(dict(text("m"), dict(text("a"), tensor())), "what it holds as \"m\" is not a tensor"),
                arguments(dict(text("m\n"), "](NNe"), "what it holds as \"m?\" is not a tensor"),
                arguments(dict(text("l"), "]Na"), "what it holds as \"l\" is not a tensor"),
                arguments(dict(text("s"), float6), "what it holds as \"s\" is not a tensor"),
                arguments(dict(text("s"), "\u008a\u0009123456789"), "what it holds as \"s\" is not a tensor"),
                arguments(dict(int1(1), tensor()), "a key in it is not a text"),
                arguments(dict(")", tensor()), "a key in it is not a text"),
                arguments(dict("}", tensor()), "a list, a dictionary or a tensor is used as a key"),
                arguments(dict(tensor(), "N"), "a list, a dictionary or a tensor is used as a key"),
                arguments("}q\u0000h\u0000Ns", "a list, a dictionary or a tensor is used as a key"),
                arguments(
                        all(storage("ComplexFloatStorage", "0", NUMEL), NUMEL),
                        "what it holds as \"a\", made by torch.ComplexFloatStorage, is not a tensor of a dtype"),
                arguments("}q\u0000" + text("self") + "h\u0000s", "what it holds as \"self\" is not a tensor"),
                arguments(dict(text("a"), tensor(), text("a"), tensor()), "it has the key \"a\" twice"),
                arguments("(".repeat(900_000), "its pickle is truncated"),
                arguments("(".repeat(6_000_000), "more than 6000000 instructions"),
                arguments(")" + "\u0085".repeat(900_000), "it holds no dictionary of tensors"),
                arguments("X\u00ff\u00ff\u00ff\u00ffabc", "its pickle is truncated"),
                arguments("X\u00ff\u00ff\u00ff\u007fabc", "its pickle is truncated"),
                arguments("\u008d" + "\u00ff".repeat(8) + "abc", "its pickle is truncated"),
                arguments("\u008c\u00ffabc", "its pickle is truncated"),
                arguments("\u008a\u00ffabc", "its pickle is truncated"),
                arguments("\u008b\u00ff\u00ff\u00ff\u007f", "its pickle is truncated"),
                arguments("cposix", "its pickle is truncated"),
                arguments("X\u0001\u0000\u0000\u0000\u00ff", "a text in its pickle is not UTF-8"),
                arguments("h\u0000", "does not add up"),
                arguments("q\u0000", "does not add up"),
                arguments("(q\u0000", "does not add up"),
                arguments("(Q", "does not add up"),
                arguments("t", "does not add up"),
                arguments("R", "does not add up"),
                arguments("N)R", "does not add up"),
                arguments("}(Nu", "does not add up"),
                arguments("N" + text("a") + "Ns", "does not add up"),
                arguments("})a", "does not add up"),
                arguments("}Nb", "does not add up"),
                arguments(")}b", "does not add up"),
                arguments(global("collections", "OrderedDict") + "NtR", "does not add up"),
                arguments(global("collections", "OrderedDict") + "N\u0085R", "does not add up"),
                arguments(global("torch._utils", "_rebuild_tensor_v2") + ")R", "does not add up"),
                arguments(global("torch._utils", "_rebuild_parameter") + "NNN\u0087R", "does not add up"),
                arguments("NQ", "does not add up"),
                arguments(")Q", "does not add up"),
                arguments("(" + "N".repeat(5) + "tQ", "does not add up"),
                arguments("N0", "the instruction 0x30"),
                arguments(
                        "(" + float6 + storage("LongStorage", "0", NUMEL),
                        "it describes the storage \"0\" in two ways"),
                arguments(storage("FloatStorage", "0", "J\u00ff\u00ff\u00ff\u00ff"), "size, stride or offset -1"),
                arguments(one(float6, int1(0), tuple(int1(7)), tuple(int1(1))), "[7] is not within its storage of 6"),
                arguments(one(float6, int1(1), tuple(int1(6)), tuple(int1(1))), "[6] is not within its storage of 6"),
                arguments(one(float6, int1(0), tuple(int1(2)), tuple(int1(6))), "[2] is not within its storage of 6"),
                arguments(one(float6, int1(6), tuple(), tuple()), "[] is not within its storage of 6"),
                arguments(one(float6, int1(7), tuple(int1(0)), tuple(int1(1))), "[0] is not within its storage of 6"),
                arguments(one(float6, int1(0), tuple(int1(6)), tuple()), "1 sizes and 0 strides"),
                arguments(
                        one(float6, int1(0), "(" + int1(1).repeat(65) + "t", "(" + int1(1).repeat(65) + "t"),
                        "65 sizes and 65 strides"),
                arguments(one(float6, int1(0), tuple("J\u00fe\u00ff\u00ff\u00ff"), tuple(int1(1))), "offset -2"),
                arguments(one(float6, int1(0), tuple(int1(1)), tuple("J\u00fe\u00ff\u00ff\u00ff")), "offset -2"),
                arguments(one(float6, "\u008a\u0001\u0080", tuple(int1(1)), tuple(int1(1))), "offset -128"),
                arguments(
                        one(float6, int1(0), tuple(huge(), huge()), tuple(int1(0), int1(0))), "larger than any memory"),
                arguments(
                        one(float6, int1(0), tuple(int1(0), huge(), huge()), tuple(int1(0), int1(0), int1(0))),
                        "larger than any memory"),
                arguments(one(float6, int1(0), tuple(int1(3)), tuple(huge())), "larger than any memory"),
                arguments(one(float6, huge(), tuple(int1(3)), tuple(int1(1))), "[3] is not within its storage of 6"),
                arguments(one(float6, "N", tuple(int1(3)), tuple(int1(1))), "does not add up"),
                arguments(one(float6, int1(0), int1(3), tuple(int1(1))), "does not add up"),
                arguments(one(float6, int1(0), tuple("N"), tuple(int1(1))), "does not add up"),
                arguments(one("N", int1(0), tuple(int1(3)), tuple(int1(1))), "does not add up"),
                arguments(all(storage("FloatStorage", "1", NUMEL), NUMEL), "it has no entry \"archive/data/1\""),
                arguments(all(storage("FloatStorage", "0", 7), 7), "its storage \"0\" has 24 bytes, which 7 elements"),
                arguments(all(storage("LongStorage", "0", 6), 6), "6 elements of type I64 are not"),
                arguments(all(storage("DoubleStorage", "0", huge()), 1), "elements of type F64 are not"),
                arguments(all(storage("BoolStorage", "0", 24), 24), "a BOOL tensor holds the byte 7"));
    }

    @ParameterizedTest
    @MethodSource("hostilePickles")
    void pickleThatDoesNotAddUpIsRefusedInOneSentence(String pickle, String reason) throws IOException {
        assertRefused(archive(pickle + (reason.endsWith("truncated") ? "" : ".")), reason);
    }

    @Test
    void refusedPickleLeavesNoTensorBehind() throws IOException {
        String good = "}(" + text("good") + tensorOf(storage("FloatStorage", "good", NUMEL));
        List<String> hostile = hostilePickles()
                .map(arguments -> (String) arguments.get()[0])
                .filter(pickle -> pickle.startsWith("}("))
                .map(pickle -> good + pickle.substring(2) + ".")
                .toList();
        long before = LeakCheck.settled();
        for (String pickle : hostile) {
            assertThatThrownBy(() -> PtFile.read(archive(pickle))).isInstanceOf(InputException.class);
        }
        assertThat(hostile).hasSizeGreaterThan(20);
        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
    }

    @Test
    void rarerSpellingsOfTheSamePickleAreRead() throws IOException {
        String framed = "\u0080\u0005\u0095" + "\u0000".repeat(8);
        String name = "\u008d\u0001" + "\u0000".repeat(7) + "a\u0094";
        String sizes = "\u008a\u0001\u0002\u0085r\u0000\u0001\u0000\u0000";
        String strides = "j\u0000\u0001\u0000\u0000";
        String tensor = tensor(storage("FloatStorage", "0", NUMEL), "M\u0003\u0000", sizes, strides);
        Path file = archive(framed + "}" + name + tensor + "s.");

        Map<String, Tensor> tensors = PtFile.read(file);

        assertThat(tensors).containsOnlyKeys("a");
        assertThat(tensors.values()).allSatisfy(read -> {
            assertThat(read.shape()).containsExactly(2);
            assertThat(strides(read)).containsExactly(2);
            assertThat(read.storage_offset()).isEqualTo(3);
        });
        close(tensors);
    }

    @Test
    void zipThatIsNoStateDictIsRefused() throws IOException {
        Map<String, byte[]> parts = parts(dict(text("a"), tensor()) + ".");
        close(PtFile.read(zip(parts, ZipEntry.STORED)));

        assertRefused(zip(parts, ZipEntry.DEFLATED), "its entry \"archive/byteorder\" is compressed");
        parts.remove("archive/byteorder");
        assertRefused(zip(parts, ZipEntry.DEFLATED), "its entry \"archive/data.pkl\" is compressed");
        assertRefused(with(parts, "archive/byteorder", "big"), "its numbers are not little-endian");
        assertRefused(with(parts, "archive/byteorder", "l".repeat(11)), "its byteorder has 11 bytes, more than 10");
        assertRefused(with(parts, "archive/constants.pkl", ""), "it is a TorchScript archive");
        assertRefused(with(parts, "archive/data.pkl", ".".repeat((1 << 26) + 1)), "its data.pkl has 67108865 bytes");
        Map<String, byte[]> many = new LinkedHashMap<>(parts);
        IntStream.range(0, 100_010).forEach(i -> many.put("archive/data/" + i, new byte[0]));
        assertRefused(zip(many, ZipEntry.STORED), "entries, more than 100010");
        parts.remove("archive/data.pkl");
        assertRefused(with(parts, "other/data.pkl", "N."), "it has no entry \"archive/data.pkl\"");
        assertRefused(zip(Map.of("a.txt", new byte[1]), ZipEntry.STORED), "it has no entry \"data.pkl\"");
    }

    @Test
    void fileThatIsNoZipIsRefused() throws IOException {
        assertRefused(file("\u0080\u0002\u008a\nand so on."), "it is in the format from before PyTorch 1.6");
        assertRefused(file(""), "it is empty");
        assertRefused(file("<!DOCTYPE html>"), "it is a web page");
        assertRefused(file("version https://git-lfs.github.com/spec/v1"), "a pointer of Git LFS, which git lfs pull");
        assertRefused(file("Tyger Tyger"), "it is not a zip archive");
        assertRefused(file("PK\u0003\u0004"), "it is truncated or damaged");
        assertRefused(file("PK\u0003\u0004" + "\u0000".repeat(100)), "it is truncated or damaged");
    }

    @Test
    void entriesThatOverlapOrRepeatAreRefused() throws IOException {
        byte[] bytes = Files.readAllBytes(archive(dict(text("a"), tensor()) + "."));
        String text = new String(bytes, ISO_8859_1);
        assertRefused(
                file(text.replace("archive/data/good", "archive/byteorder")), "two entries \"archive/byteorder\"");

        // The table says that the entries have 1 GB each.
        byte[] oversized = bytes.clone();
        int table = text.indexOf("PK\u0001\u0002");
        for (int sizes = 20; sizes <= 24; sizes += 4) {
            ByteBuffer.wrap(oversized).order(ByteOrder.LITTLE_ENDIAN).putInt(table + sizes, 1 << 30);
        }
        assertRefused(Files.write(folder.resolve("oversized.pt"), oversized), "its entries are larger than the file");
    }

    @Test
    void everyDamagedByteOfTheNumbersIsNoticed() throws IOException {
        byte[] whole = Files.readAllBytes(RECORDED.resolve("scalar.pt"));
        int name = new String(whole, ISO_8859_1).indexOf("scalar/data/0");
        int number = name + "scalar/data/0".length() + Byte.toUnsignedInt(whole[name - 2]);
        assertThat(ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getFloat(number))
                .isEqualTo(2.5f);
        for (int i = number; i < number + Float.BYTES; i++) {
            byte[] damaged = whole.clone();
            damaged[i] ^= 1;
            assertRefused(
                    Files.write(folder.resolve("damaged.pt"), damaged),
                    "the bytes of its entry \"scalar/data/0\" are damaged");
        }
    }

    @Tag("slow")
    @Test
    void fileCutShortAnywhereIsRefusedAndLeavesNoTensorBehind() throws IOException {
        byte[] whole = Files.readAllBytes(RECORDED.resolve("scalar.pt"));
        long before = LeakCheck.settled();
        for (int length = 0; length < whole.length; length++) {
            Path file = Files.write(folder.resolve("cut.pt"), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> PtFile.read(file)).isInstanceOf(InputException.class);
        }
        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"views", "protocol4"})
    void fileWithOneFalseByteIsReadOrRefusedButNeverAnythingElse(String name) throws IOException {
        byte[] whole = Files.readAllBytes(RECORDED.resolve(name + ".pt"));
        long before = LeakCheck.settled();
        int refused = 0;
        for (int i = 0; i < whole.length; i++) {
            byte[] damaged = whole.clone();
            damaged[i] ^= 0x11;
            Path file = Files.write(folder.resolve("damaged.pt"), damaged);
            try {
                close(PtFile.read(file));
            } catch (InputException e) {
                assertThat(e.getMessage()).doesNotContain("\n");
                refused++;
            }
        }
        // Of the rest, most are bytes that only fill up.
        assertThat(refused).isGreaterThan(whole.length / 4);
        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
    }

    @Tag("slow")
    @Test
    void liveNativeObjectsStayFlatOverRoundTripsAndFailures() throws IOException {
        Map<String, Tensor> tensors = PtFile.read(RECORDED.resolve("views.pt"));
        Path broken =
                archive("}(" + text("a") + tensor() + text("b") + tensorOf(storage("FloatStorage", "9", 6)) + "u.");
        Path file = folder.resolve("file.pt");
        long before = LeakCheck.settled();

        for (int i = 0; i < 100; i++) {
            PtFile.write(file, tensors);
            close(PtFile.read(file));
            close(PtFile.read(RECORDED.resolve("views.pt")));
            assertThatThrownBy(() -> PtFile.read(broken)).hasMessageContaining("no entry \"archive/data/9\"");
        }

        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
        close(tensors);
    }

    private static void assertRefused(Path file, String reason) {
        assertThatThrownBy(() -> PtFile.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(file + " is not a usable .pt file: ")
                .hasMessageContaining(reason)
                .hasMessageEndingWith("; save model.state_dict() alone with torch.save, or download the file again")
                .hasMessageNotContaining("\n");
    }

    /** A pickle in these helpers is a text of which each character is a byte. */
    private static String text(String text) {
        byte[] bytes = text.getBytes(UTF_8);
        return "X" + le32(bytes.length) + new String(bytes, ISO_8859_1);
    }

    private static String le32(int number) {
        byte[] bytes = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(number)
                .array();
        return new String(bytes, ISO_8859_1);
    }

    private static String int1(int number) {
        return "K" + (char) number;
    }

    /** 2 to the power of 62. */
    private static String huge() {
        return "\u008a\u0008" + "\u0000".repeat(7) + "@";
    }

    private static String global(String module, String name) {
        return "c" + module + "\n" + name + "\n";
    }

    private static String tuple(String... items) {
        return "(" + String.join("", items) + "t";
    }

    private static String dict(String... items) {
        return "}(" + String.join("", items) + "u";
    }

    private static String storage(String type, String key, int numel) {
        return storage(type, key, int1(numel));
    }

    private static String storage(String type, String key, String numel) {
        return tuple(text("storage"), global("torch", type), text(key), text("cpu"), numel) + "Q";
    }

    private static String tensor(String storage, String offset, String sizes, String strides) {
        String hooks = global("collections", "OrderedDict") + ")R";
        return global("torch._utils", "_rebuild_tensor_v2") + tuple(storage, offset, sizes, strides, "\u0089", hooks)
                + "R";
    }

    private static String tensorOf(String storage) {
        return tensor(storage, int1(0), tuple(int1(NUMEL)), tuple(int1(1)));
    }

    private static String tensor() {
        return tensorOf(storage("FloatStorage", "0", NUMEL));
    }

    private static String one(String storage, String offset, String sizes, String strides) {
        return dict(text("a"), tensor(storage, offset, sizes, strides));
    }

    private static String withAttributes() {
        return global("torch._tensor", "_rebuild_from_type_v2");
    }

    private static String all(String storage, int numel) {
        return one(storage, int1(0), tuple(int1(numel)), tuple(int1(1)));
    }

    private Path archive(String pickle) throws IOException {
        return zip(parts(pickle), ZipEntry.STORED);
    }

    /** A file with two storages of 24 bytes, all of them 7. */
    private static Map<String, byte[]> parts(String pickle) {
        byte[] sevens = new byte[NUMEL * Float.BYTES];
        Arrays.fill(sevens, (byte) 7);
        Map<String, byte[]> parts = new LinkedHashMap<>();
        parts.put("archive/data.pkl", pickle.getBytes(ISO_8859_1));
        parts.put("archive/byteorder", "little".getBytes(ISO_8859_1));
        parts.put("archive/data/0", sevens);
        parts.put("archive/data/good", sevens);
        parts.put("archive/version", "3\n".getBytes(ISO_8859_1));
        return parts;
    }

    private Path with(Map<String, byte[]> parts, String name, String content) throws IOException {
        Map<String, byte[]> all = new LinkedHashMap<>(parts);
        all.put(name, content.getBytes(ISO_8859_1));
        return zip(all, ZipEntry.STORED);
    }

    private Path zip(Map<String, byte[]> parts, int method) throws IOException {
        Path file = folder.resolve("made.pt");
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file));
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> part : parts.entrySet()) {
                CRC32 crc = new CRC32();
                crc.update(part.getValue());
                ZipEntry entry = new ZipEntry(part.getKey());
                entry.setMethod(method);
                entry.setSize(part.getValue().length);
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(part.getValue());
            }
        }
        return file;
    }

    private Path file(String content) throws IOException {
        return Files.write(folder.resolve("made.pt"), content.getBytes(ISO_8859_1));
    }

    private static void close(Map<String, Tensor> tensors) {
        tensors.values().forEach(Tensor::close);
    }

    /** Dtype, shape and every bit. */
    private static String describe(Tensor tensor) {
        String dtype = switch (tensor.scalar_type().intern()) {
            case Double -> "torch.float64";
            case Float -> "torch.float32";
            case Half -> "torch.float16";
            case BFloat16 -> "torch.bfloat16";
            case Long -> "torch.int64";
            case Int -> "torch.int32";
            case Short -> "torch.int16";
            case Char -> "torch.int8";
            case Byte -> "torch.uint8";
            case Bool -> "torch.bool";
            default -> throw new AssertionError(tensor.scalar_type());
        };
        try (Tensor dense = tensor.contiguous()) {
            byte[] bytes = new byte[(int) dense.nbytes()];
            if (bytes.length > 0) {
                dense.data_ptr().capacity(bytes.length).asByteBuffer().get(bytes);
            }
            return dtype + " " + Arrays.toString(tensor.shape()) + " "
                    + HexFormat.of().formatHex(bytes);
        }
    }

    private static String describe(JsonNode expected) {
        return expected.get("dtype").stringValue() + " " + Arrays.toString(longs(expected.get("shape"))) + " "
                + expected.get("bytes").stringValue();
    }

    private static long[] strides(Tensor tensor) {
        return LongStream.range(0, tensor.dim()).map(tensor::stride).toArray();
    }

    private static long[] longs(JsonNode array) {
        return array.valueStream().mapToLong(JsonNode::longValue).toArray();
    }
}
