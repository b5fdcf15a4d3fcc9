package io.github.mnistlibtorch.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.torch.serialization.Safetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Traces and headers of safetensors files with other values, keys, depths and very many small parts, in JSON that is JSON mostly. */
public final class JsonFuzz {
    private static final Scratch TRACE = new Scratch("trace.json");
    private static final Scratch SAFETENSORS = new Scratch("model.safetensors");

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private static final JsonNode GOOD_TRACE = read(Path.of("target/fuzz/seeds/TraceFuzz/trace.json"));

    private static final String GOOD_HEADER = "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
            + "\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[16,24]}}";

    private static final int DATA = 24;

    private static final String[] VALUES = {
        "0",
        "-1",
        "1",
        "2",
        "16",
        "24",
        "1e400",
        "-0.0",
        "0.5",
        "NaN",
        "null",
        "true",
        "\"\"",
        "\"F32\"",
        "\"BOOL\"",
        "\"F4\"",
        "\"0x1.8p+1\"",
        "\"nan\"",
        "\"mlp\"",
        "\"cnn\"",
        "9223372036854775807",
        "9223372036854775808",
        "1152921504606846976",
        "[]",
        "{}",
        "[[]]",
        "[0,0]",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"\\u202e\"",
        "1E+99999"
    };

    private static final int DEEP = 1_200;

    private JsonFuzz() {}

    public static void fuzzerTestOneInput(FuzzedDataProvider input) {
        Parts choice = new Parts(input);
        boolean isTrace = input.consumeBoolean();
        JsonNode root = isTrace ? GOOD_TRACE.deepCopy() : JSON.readTree(GOOD_HEADER);
        int edits = 1 + choice.choice(3);
        Map<String, String> raw = new LinkedHashMap<>();
        for (int i = 0; i < edits; i++) {
            edit(root, choice, input, "@" + i + "@", raw);
        }
        String text = root.toString();
        for (Map.Entry<String, String> value : raw.entrySet()) {
            text = text.replace('"' + value.getKey() + '"', value.getValue());
        }
        if (choice.rarely()) { // no JSON any more
            int at = choice.choice(text.length());
            text = text.substring(0, at)
                    + input.consumeString(4)
                    + text.substring(Math.min(text.length(), at + choice.choice(3)));
        }
        byte[] json = text.getBytes(UTF_8);
        if (isTrace) {
            TRACE.give(json, TraceFile::read);
        } else {
            ByteBuffer file =
                    ByteBuffer.allocate(Long.BYTES + json.length + DATA).order(ByteOrder.LITTLE_ENDIAN);
            file.putLong(json.length).put(json);
            SAFETENSORS.give(file.array(), path -> {
                Map<String, Tensor> tensors = Safetensors.read(path);
                Scratch.requireAtMost(file.capacity(), tensors.values());
                tensors.values().forEach(Tensor::close);
            });
        }
    }

    private static JsonNode read(Path file) {
        try {
            return JSON.readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Goes down to any place, and changes what is there; what no node can be is put in when all is text. */
    private static void edit(
            JsonNode root, Parts choice, FuzzedDataProvider input, String mark, Map<String, String> raw) {
        JsonNode at = root;
        while (true) {
            JsonNode below = child(at, choice.choice(Math.max(1, at.size())));
            if (below == null || !below.isContainer() || choice.rarely()) {
                break;
            }
            at = below;
        }
        raw.put(mark, value(choice, input));
        if (at instanceof ObjectNode object) {
            String name = object.isEmpty()
                    ? ""
                    : object.propertyNames().stream()
                            .skip(choice.choice(object.size()))
                            .findFirst()
                            .orElseThrow();
            switch (choice.choice(4)) {
                case 0 -> object.remove(name);
                case 1 -> {
                    for (int i = choice.times(); i > 0; i--) {
                        object.put(input.consumeString(3) + i, mark);
                    }
                }
                case 2 -> object.put(input.consumeString(20).repeat(1 + choice.times()), mark);
                default -> object.put(name, mark);
            }
        } else if (at instanceof ArrayNode array) {
            switch (choice.choice(3)) {
                case 0 -> array.removeAll();
                case 1 -> IntStream.range(0, choice.times()).forEach(i -> array.add(mark));
                default -> array.insert(0, mark);
            }
        }
    }

    private static @Nullable JsonNode child(JsonNode node, int index) {
        return node.isArray()
                ? node.get(index)
                : node.values().stream().skip(index).findFirst().orElse(null);
    }

    private static String value(Parts choice, FuzzedDataProvider input) {
        String value = input.pickValue(VALUES);
        return switch (choice.choice(6)) {
            case 0 ->
                IntStream.range(0, choice.times()).mapToObj(i -> value).collect(Collectors.joining(",", "[", "]"));
            case 1 ->
                IntStream.range(0, choice.times())
                        .mapToObj(i -> "\"" + i + "\":" + value)
                        .collect(Collectors.joining(",", "{", "}"));
            case 2 -> {
                int depth = choice.rarely() ? choice.choice(DEEP) : choice.choice(4);
                yield "[".repeat(depth) + value + "]".repeat(depth);
            }
            case 3 -> '"' + "x".repeat(choice.times()) + '"';
            default -> value;
        };
    }
}
