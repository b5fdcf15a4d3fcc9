package io.github.mnistlibtorch.torch.serialization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
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
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The files in {@code test-data/safetensors}: Python, by {@code notebooks-reference/record_safetensors.py}. */
@ExtendWith(LibTorchExtension.class)
class SafetensorsTest {
    private static final Path RECORDED = Path.of("test-data/safetensors");

    @TempDir
    Path folder;

    static Stream<Arguments> recordedFiles() {
        return new JsonMapper()
                .readTree(RECORDED.resolve("expected.json")).properties().stream()
                        .map(file -> arguments(file.getKey(), file.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("recordedFiles")
    void everyFileOfPythonReadsWithItsDtypesShapesAndValues(String name, JsonNode expected) throws IOException {
        Path file = RECORDED.resolve(name + ".safetensors");
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = Safetensors.read(file);
            tensors.values().forEach(scope::attach);

            assertThat(tensors.keySet())
                    .containsExactlyInAnyOrderElementsOf(expected.get("tensors").propertyNames());
            for (Map.Entry<String, JsonNode> tensor : expected.get("tensors").properties()) {
                Tensor actual = Objects.requireNonNull(tensors.get(tensor.getKey()));
                assertThat(dtype(actual))
                        .isEqualTo(tensor.getValue().get("dtype").stringValue());
                assertThat(actual.shape())
                        .containsExactly(longs(tensor.getValue().get("shape")));
                assertThat(values(actual)).isEqualTo(texts(tensor.getValue().get("values")));
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("recordedFiles")
    void metadataIsThatOfPython(String name, JsonNode expected) throws IOException {
        Map<String, String> metadata = new LinkedHashMap<>();
        expected.get("metadata")
                .properties()
                .forEach(text -> metadata.put(text.getKey(), text.getValue().stringValue()));

        assertThat(Safetensors.readMetadata(RECORDED.resolve(name + ".safetensors")))
                .isEqualTo(metadata);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("recordedFiles")
    void fileWrittenAgainHasTheBytesOfPython(String name, JsonNode expected) throws IOException {
        Path original = RECORDED.resolve(name + ".safetensors");
        Map<String, Tensor> shuffled = new LinkedHashMap<>();
        Map<String, Tensor> tensors = Safetensors.read(original);
        List<String> names = new ArrayList<>(tensors.keySet());
        Collections.reverse(names);
        names.forEach(key -> shuffled.put(key, tensors.get(key)));

        Safetensors.write(folder.resolve("copy"), shuffled, Safetensors.readMetadata(original));
        close(tensors);

        assertThat(folder.resolve("copy")).hasSameBinaryContentAs(original);
        assertThat(expected.get("tensors").size()).isEqualTo(names.size());
    }

    @Test
    void tensorsMadeHereGiveTheBytesOfPython() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor weight2 = scope.attach(
                    floats(0f, 1 / 7f, 2 / 7f, 3 / 7f, 4 / 7f, 5 / 7f).reshape(2, 3));
            Tensor bias1 = scope.attach(floats(0.5f, -0.5f));
            Tensor weight1 = scope.attach(floats(0, 1, 2, 3, 4, 5, 6, 7).reshape(2, 4));

            Safetensors.write(
                    folder.resolve("linear"),
                    Map.of("linear1.bias", bias1, "linear2.weight", weight2, "linear1.weight", weight1),
                    Map.of("format", "pt"));
        }

        assertThat(folder.resolve("linear")).hasSameBinaryContentAs(RECORDED.resolve("linear.safetensors"));
    }

    @Test
    void tensorsComeInTheOrderOfTheFile() throws IOException {
        Map<String, Tensor> tensors = Safetensors.read(RECORDED.resolve("dtypes.safetensors"));
        close(tensors);

        assertThat(tensors.keySet())
                .containsExactly("i64", "f64", "f32", "i32", "bf16", "f16", "i16", "i8", "u8", "bool");
    }

    @Test
    void headerMayListTensorsInAnotherOrderThanTheirData() throws IOException {
        Path file = file(
                "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]},"
                        + "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                8,
                9);

        Map<String, Tensor> tensors = Safetensors.read(file);

        assertThat(tensors.keySet()).containsExactly("a", "b");
        assertThat(tensors.values().stream().map(SafetensorsTest::values)).containsExactly(List.of("8"), List.of("9"));
        close(tensors);
    }

    @Test
    void stridedTensorThatNeedsAGradientIsWrittenInRowOrder() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor leaf = scope.attach(floats(0, 1, 2, 3, 4, 5).reshape(2, 3));
            leaf.set_requires_grad(true);
            Tensor transposed = leaf.t();
            Safetensors.write(folder.resolve("t"), Map.of("t", transposed), Map.of());

            Map<String, Tensor> tensors = Safetensors.read(folder.resolve("t"));

            assertThat(tensors).containsOnlyKeys("t");
            tensors.forEach((name, tensor) -> {
                assertThat(tensor.shape()).containsExactly(3, 2);
                assertThat(values(tensor)).containsExactly("0.0", "3.0", "1.0", "4.0", "2.0", "5.0");
                assertThat(tensor.requires_grad()).isFalse();
            });
        }
    }

    @Test
    void tensorOfManyChunksComesBackUnchanged() throws IOException {
        // More than a chunk in both directions, and no multiple of either.
        try (Tensor large = torch.arange(new Scalar(4_500_001))) {
            Safetensors.write(folder.resolve("large"), Map.of("large", large), Map.of());

            Map<String, Tensor> tensors = Safetensors.read(folder.resolve("large"));

            assertThat(tensors).containsOnlyKeys("large");
            assertThat(tensors.values()).allMatch(tensor -> tensor.equal(large));
            close(tensors);
        }
    }

    @Test
    void tensorsBelongToTheScopeThatIsOpen() throws IOException {
        Map<String, Tensor> tensors;
        try (TensorScope scope = TensorScope.open()) {
            tensors = Safetensors.read(RECORDED.resolve("scalar.safetensors"));
            assertThat(tensors.values()).noneMatch(tensor -> tensor.isNull());
        }
        assertThat(tensors.values()).hasSize(1).allMatch(tensor -> tensor.isNull());
    }

    @Test
    void otherDtypesAndTheReservedNameAreNotWritten() {
        try (TensorOptions complex = new TensorOptions(ScalarType.ComplexFloat);
                Tensor tensor = torch.empty(new long[] {1}, complex, null);
                Tensor real = torch.empty(1)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Safetensors.write(folder.resolve("z"), Map.of("z", tensor), Map.of()))
                    .withMessage("tensor \"z\" is of a dtype that cannot be saved: ComplexFloat");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Safetensors.write(folder.resolve("z"), Map.of("__metadata__", real), Map.of()))
                    .withMessageContaining("__metadata__");
        }
        assertThat(folder).isEmptyDirectory();
    }

    /** As {@code load_file} of Python's safetensors does. */
    @Test
    void metadataMayBeNull() throws IOException {
        byte[] header = ("{\"__metadata__\":null,\"a\":" + u8("[1]", "[0,1]") + "}").getBytes(StandardCharsets.UTF_8);
        byte[] length = ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .array();
        Path file = folder.resolve("null.safetensors");
        Files.write(file, length);
        Files.write(file, header, StandardOpenOption.APPEND);
        Files.write(file, new byte[] {5}, StandardOpenOption.APPEND);
        Map<String, Tensor> tensors = Safetensors.read(file);
        assertThat(tensors.keySet()).containsExactly("a");
        assertThat(Safetensors.readMetadata(file)).isEmpty();
        tensors.values().forEach(Tensor::close);
    }

    @Test
    void missingFileAndFolderAreRefused() {
        for (Path path : List.of(folder, folder.resolve("missing"))) {
            assertThatThrownBy(() -> Safetensors.read(path))
                    .isInstanceOf(InputException.class)
                    .hasMessage(path + " is not a file; name an existing safetensors file");
        }
    }

    static Stream<Arguments> hostileHeaders() {
        return Stream.of(
                arguments("[]", "its header is not a JSON object"),
                arguments("", "its header is not"),
                arguments("{", "its header is not JSON"),
                arguments("{} {}", "its header is not JSON"),
                arguments("{\"__metadata__\":{},\"__metadata__\":{}}", "its header is not JSON (Duplicate"),
                arguments("{\"a\":" + u8("[1]", "[0,1]") + ",\"a\":" + u8("[1]", "[0,1]") + "}", "(Duplicate"),
                arguments(
                        "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                        "(Duplicate"),
                arguments("{\"a\":" + "[".repeat(100_000), "its header is not JSON"),
                arguments("[]", "its header is not a JSON object"),
                arguments("{} {}", "its header is not JSON (something stands behind its end)"),
                arguments("{\"a\":" + u8("[[1]]", "[0,1]") + "}", "\"a\" has no valid shape"),
                arguments("{\"a\":" + u8("[{}]", "[0,1]") + "}", "\"a\" has no valid shape"),
                arguments("{\"__metadata__\":{\"a\":1}}", "its metadata \"a\" is not a text"),
                arguments("{\"__metadata__\":[]}", "its metadata is not a JSON object"),
                arguments("{\"a\":1}", "\"a\" is of the unknown dtype \"\""),
                arguments(
                        "{\"a\":{\"dtype\":\"F7\",\"shape\":[1],\"data_offsets\":[0,1]}}", "the unknown dtype \"F7\""),
                arguments("{\"a\":{\"dtype\":[],\"shape\":[1],\"data_offsets\":[0,1]}}", "the unknown dtype"),
                arguments("{\"a\":" + u8("1", "[0,1]") + "}", "\"a\" has no valid shape"),
                arguments("{\"a\":" + u8("[-1]", "[0,1]") + "}", "\"a\" has no valid shape"),
                arguments("{\"a\":" + u8("[1.0]", "[0,1]") + "}", "\"a\" has no valid shape"),
                arguments("{\"a\":" + u8("[\"1\"]", "[0,1]") + "}", "\"a\" has no valid shape"),
                arguments("{\"a\":" + u8("[9223372036854775808]", "[0,1]") + "}", "\"a\" has no valid shape"),
                arguments("{\"a\":" + u8("[4294967296,4294967296]", "[0,1]") + "}", "larger than any memory"),
                arguments("{\"a\":" + u8("[0,4294967296,4294967296]", "[0,0]") + "}", "larger than any memory"),
                arguments("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", "\"a\" has no valid data_offsets"),
                arguments("{\"a\":" + u8("[1]", "[0]") + "}", "1 data_offsets, not 2"),
                arguments("{\"a\":" + u8("[1]", "[0,1,2]") + "}", "3 data_offsets, not 2"),
                arguments("{\"a\":" + u8("[1]", "[-1,0]") + "}", "\"a\" has no valid data_offsets"),
                arguments("{\"a\":" + u8("[1]", "[1,0]") + "}", "claims -1 bytes"),
                arguments("{\"a\":" + u8("[2]", "[0,1]") + "}", "\"a\" claims 1 bytes, which U8 [2] is not"),
                arguments("{\"a\":" + u8("[1]", "[1,2]") + "}", "the data of \"a\" does not follow"),
                arguments(
                        "{\"a\":" + u8("[1]", "[0,1]") + ",\"b\":" + u8("[1]", "[0,1]") + "}",
                        "the data of \"b\" does not follow"),
                arguments(
                        "{\"a\":" + u8("[1000000000000]", "[0,1000000000000]") + "}", "999999999999 bytes are missing"),
                arguments("{}", "no tensor claims its last 1 bytes"),
                arguments("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]}}", "holds the byte 7"));
    }

    @ParameterizedTest
    @MethodSource("hostileHeaders")
    void headerThatDoesNotAddUpIsRefusedInOneSentence(String header, String reason) throws IOException {
        Path file = file(header, 7);
        assertThatThrownBy(() -> Safetensors.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(file + " is not a usable safetensors file: ")
                .hasMessageContaining(reason)
                .hasMessageEndingWith("; save or download it again")
                .hasMessageNotContaining("\n");
    }

    @ExtendWith(LeakCheck.class)
    @Test
    void headersThatDoNotAddUpLeaveNoTensorBehind() throws IOException {
        for (Arguments header : hostileHeaders().toList()) {
            Path file = file((String) header.get()[0], 7);
            assertThatThrownBy(() -> Safetensors.read(file)).isInstanceOf(InputException.class);
        }
    }

    @Test
    void headerLengthIsCheckedAgainstTheFileAndTheLimit() throws IOException {
        assertRefused(lengthField(3), "its header of 3 bytes would be larger than the file");
        assertRefused(lengthField(100_000_000), "its header of 100000000 bytes would be larger than the file");
        assertRefused(lengthField(100_000_001), "larger than 100000000 bytes");
        assertRefused(lengthField(-1), "larger than 100000000 bytes");
        assertRefused(new byte[7], "it has only 7 bytes");
        assertRefused(new byte[0], "it has only 0 bytes");
    }

    @Test
    void headerThatIsNotUtf8IsRefused() throws IOException {
        byte[] utf16 = "{}".getBytes(StandardCharsets.UTF_16);
        assertRefused(concat(lengthField(utf16.length), utf16), "its header is not UTF-8");
    }

    @Test
    void fileCutShortAnywhereIsRefusedAndLeavesNoTensorBehind() throws IOException {
        byte[] whole = Files.readAllBytes(RECORDED.resolve("dtypes.safetensors"));
        long before = LeakCheck.settled();
        for (int length = 0; length < whole.length; length++) {
            Path file = Files.write(folder.resolve("cut"), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Safetensors.read(file)).isInstanceOf(InputException.class);
        }
        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
    }

    @Test
    void fileWithOneFalseByteIsReadOrRefusedButNeverAnythingElse() throws IOException {
        byte[] whole = Files.readAllBytes(RECORDED.resolve("dtypes.safetensors"));
        int refused = 0;
        for (int i = 0; i < whole.length; i++) {
            byte[] damaged = whole.clone();
            damaged[i] ^= 0x11;
            Path file = Files.write(folder.resolve("damaged"), damaged);
            try {
                close(Safetensors.read(file));
            } catch (InputException e) {
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(whole.length / 2);
    }

    @Tag("slow")
    @Test
    void liveNativeObjectsStayFlatOverRoundTripsAndFailures() throws IOException {
        Map<String, Tensor> tensors = Safetensors.read(RECORDED.resolve("dtypes.safetensors"));
        // The last tensor of this file is refused, when all the others have been made.
        byte[] bytes = Files.readAllBytes(RECORDED.resolve("dtypes.safetensors"));
        bytes[bytes.length - 1] = 2;
        Path broken = Files.write(folder.resolve("broken"), bytes);
        Path file = folder.resolve("file");
        long before = LeakCheck.settled();

        for (int i = 0; i < 200; i++) {
            Safetensors.write(file, tensors, Map.of());
            close(Safetensors.read(file));
            assertThatThrownBy(() -> Safetensors.read(broken)).hasMessageContaining("holds the byte 2");
        }

        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
        close(tensors);
    }

    private void assertRefused(byte[] content, String reason) throws IOException {
        Path file = Files.write(folder.resolve("hostile"), content);
        assertThatThrownBy(() -> Safetensors.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(reason);
    }

    private Path file(String header, int... data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        byte[] bytes = new byte[data.length];
        for (int i = 0; i < data.length; i++) {
            bytes[i] = (byte) data[i];
        }
        return Files.write(folder.resolve("made.safetensors"), concat(concat(lengthField(json.length), json), bytes));
    }

    private static String u8(String shape, String offsets) {
        return "{\"dtype\":\"U8\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    }

    private static byte[] lengthField(long length) {
        return ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array();
    }

    private static byte[] concat(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    private static Tensor floats(float... values) {
        Tensor tensor = torch.empty(values.length);
        tensor.data_ptr_float().put(values, 0, values.length);
        return tensor;
    }

    private static void close(Map<String, Tensor> tensors) {
        tensors.values().forEach(Tensor::close);
    }

    private static String dtype(Tensor tensor) {
        return switch (tensor.scalar_type().intern()) {
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
    }

    /** As {@code [repr(value) for value in tensor.flatten().tolist()]}. */
    private static List<String> values(Tensor tensor) {
        List<String> values = new ArrayList<>();
        ScalarType type = tensor.scalar_type().intern();
        boolean fraction = tensor.is_floating_point();
        try (Tensor flat = tensor.flatten();
                Tensor wide = flat.toType(fraction ? ScalarType.Double : ScalarType.Long)) {
            for (long i = 0; i < wide.numel(); i++) {
                if (fraction) {
                    values.add(PythonRepr.repr(wide.data_ptr_double().get(i)));
                } else {
                    long value = wide.data_ptr_long().get(i);
                    values.add(type != ScalarType.Bool ? Long.toString(value) : value == 1 ? "True" : "False");
                }
            }
        }
        return values;
    }

    private static long[] longs(JsonNode array) {
        return array.valueStream().mapToLong(JsonNode::longValue).toArray();
    }

    private static List<String> texts(JsonNode array) {
        return array.valueStream().map(JsonNode::stringValue).toList();
    }
}
