package io.github.mnistlibtorch.torch.serialization;

import static io.github.mnistlibtorch.torch.serialization.InvalidFile.quoted;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The JSON header of a safetensors file: which tensor lies where.
 *
 * @param metadata free text of the file
 * @param entries the tensors in the order of their data
 */
record SafetensorsHeader(Map<String, String> metadata, List<Entry> entries) {
    private static final String METADATA = "__metadata__";
    private static final int ALIGNMENT = 8;

    // The two disabled features would escape slashes and control characters otherwise than the reference does.
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNameLength(Safetensors.MAX_HEADER)
                    .maxStringLength(Safetensors.MAX_HEADER)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonWriteFeature.ESCAPE_FORWARD_SLASHES)
            .disable(JsonWriteFeature.WRITE_HEX_UPPER_CASE)
            .build();

    /** Made when the first header is read: a mapper takes long to load, and writing needs none. */
    private static final class Reader {
        static final JsonMapper TREES = JsonMapper.builder(JSON)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .build();
    }

    /**
     * One tensor.
     *
     * @param begin offset of its first byte, counted from the end of the header
     * @param end offset behind its last byte
     */
    record Entry(String name, Dtype type, List<Long> shape, long begin, long end) {}

    /**
     * The header for {@code tensors}, laid out like the reference implementation: the widest dtypes first, so that
     * every tensor is aligned, and by name among equals.
     *
     * @throws IllegalArgumentException for a dtype that the format or this class does not know, or a reserved name
     */
    static SafetensorsHeader of(Map<String, Tensor> tensors, Map<String, String> metadata) {
        List<Entry> unplaced = new ArrayList<>();
        tensors.forEach((name, tensor) -> {
            if (name.equals(METADATA)) {
                throw new IllegalArgumentException("a tensor cannot be named " + METADATA);
            }
            Dtype type = Dtype.of(name, tensor);
            List<Long> shape = Arrays.stream(tensor.shape()).boxed().toList();
            unplaced.add(new Entry(name, type, shape, 0, tensor.numel() * type.bytes()));
        });
        unplaced.sort(Comparator.comparing(Entry::type)
                .thenComparing(entry -> entry.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned));
        List<Entry> entries = new ArrayList<>();
        long position = 0;
        for (Entry entry : unplaced) {
            long end = position + entry.end();
            entries.add(new Entry(entry.name(), entry.type(), entry.shape(), position, end));
            position = end;
        }
        return new SafetensorsHeader(metadata, entries);
    }

    /** The header as it stands in the file, filled up with spaces so that the data behind it is aligned. */
    byte[] toBytes() {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = JSON.createGenerator(ObjectWriteContext.empty(), text)) {
            generator.writeStartObject();
            if (!metadata.isEmpty()) {
                generator.writeObjectPropertyStart(METADATA);
                metadata.forEach(generator::writeStringProperty);
                generator.writeEndObject();
            }
            for (Entry entry : entries) {
                generator.writeObjectPropertyStart(entry.name());
                generator.writeStringProperty("dtype", entry.type().name());
                generator.writeArrayPropertyStart("shape");
                entry.shape().forEach(generator::writeNumber);
                generator.writeEndArray();
                generator.writeArrayPropertyStart("data_offsets");
                generator.writeNumber(entry.begin());
                generator.writeNumber(entry.end());
                generator.writeEndArray();
                generator.writeEndObject();
            }
            generator.writeEndObject();
        }
        byte[] json = text.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(json, (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        return padded;
    }

    /**
     * Reads a header and holds it against the file: the tensors must cover its data exactly.
     *
     * @param json as it stands in the file
     * @param dataSize number of bytes behind the header
     * @throws InputException if anything does not add up
     */
    static SafetensorsHeader parse(byte[] json, long dataSize, InvalidFile refusal) throws InputException {
        JsonNode root = tree(json, refusal);
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Entry> entries = new ArrayList<>();
        for (Map.Entry<String, JsonNode> property : root.properties()) {
            if (property.getKey().equals(METADATA)) {
                if (property.getValue().isNull()) {
                    continue; // as the reference implementation takes it
                }
                metadata.putAll(texts(property.getValue(), refusal));
            } else {
                entries.add(entry(property.getKey(), property.getValue(), refusal));
            }
        }
        entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long position = 0;
        for (Entry entry : entries) {
            if (entry.begin() != position) {
                throw refusal.because(
                        "the data of " + quoted(entry.name()) + " does not follow that of the tensor before");
            }
            position = entry.end();
        }
        if (position > dataSize) {
            throw refusal.because("it is truncated, " + (position - dataSize) + " bytes are missing");
        }
        if (position < dataSize) {
            throw refusal.because("no tensor claims its last " + (dataSize - position) + " bytes");
        }
        return new SafetensorsHeader(metadata, entries);
    }

    private static JsonNode tree(byte[] json, InvalidFile refusal) throws InputException {
        JsonNode root;
        try {
            // Jackson would guess UTF-16 and UTF-32 as well; the format is UTF-8.
            root = Reader.TREES.readTree(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(json))
                    .toString());
        } catch (CharacterCodingException e) {
            throw refusal.because("its header is not UTF-8", e);
        } catch (JacksonException e) {
            throw refusal.because("its header is not JSON (" + LibTorch.firstLine(e) + ")", e);
        }
        if (!root.isObject()) {
            throw refusal.because("its header is not a JSON object");
        }
        return root;
    }

    private static Map<String, String> texts(JsonNode node, InvalidFile refusal) throws InputException {
        Map<String, String> texts = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> property : node.properties()) {
            if (!property.getValue().isString()) {
                throw refusal.because("its metadata " + quoted(property.getKey()) + " is not a text");
            }
            texts.put(property.getKey(), property.getValue().stringValue());
        }
        if (!node.isObject()) {
            throw refusal.because("its metadata is not a JSON object");
        }
        return texts;
    }

    private static Entry entry(String name, JsonNode node, InvalidFile refusal) throws InputException {
        String dtype = node.path("dtype").asString("");
        Dtype type = Dtype.named(dtype)
                .orElseThrow(() -> refusal.because(quoted(name) + " is of the unknown dtype " + quoted(dtype)));
        List<Long> shape = counts(node.path("shape"), quoted(name) + " has no valid shape", refusal);
        List<Long> offsets = counts(node.path("data_offsets"), quoted(name) + " has no valid data_offsets", refusal);
        if (offsets.size() != 2) {
            throw refusal.because(quoted(name) + " has " + offsets.size() + " data_offsets, not 2");
        }
        long begin = offsets.get(0);
        long end = offsets.get(1);
        if (end - begin != bytes(shape, type, name, refusal)) {
            throw refusal.because(
                    quoted(name) + " claims " + (end - begin) + " bytes, which " + type + " " + shape + " is not");
        }
        return new Entry(name, type, shape, begin, end);
    }

    /** An array of whole numbers from 0 up; anything else is {@code wrong}. */
    private static List<Long> counts(JsonNode array, String wrong, InvalidFile refusal) throws InputException {
        if (!array.isArray()) {
            throw refusal.because(wrong);
        }
        List<Long> counts = new ArrayList<>();
        for (JsonNode number : array) {
            if (!number.isIntegralNumber() || !number.canConvertToLong() || number.longValue() < 0) {
                throw refusal.because(wrong);
            }
            counts.add(number.longValue());
        }
        return List.copyOf(counts);
    }

    private static long bytes(List<Long> shape, Dtype type, String name, InvalidFile refusal) throws InputException {
        long bytes = type.bytes();
        try {
            for (long size : shape) {
                // A zero does not excuse the other sizes: LibTorch multiplies them into strides.
                bytes = Math.multiplyExact(bytes, Math.max(size, 1));
            }
        } catch (ArithmeticException e) {
            throw refusal.because(quoted(name) + " is larger than any memory", e);
        }
        return shape.contains(0L) ? 0 : bytes;
    }
}
