package io.github.mnistlibtorch.torch.serialization;

import static io.github.mnistlibtorch.torch.runtime.PlainText.quoted;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;

/**
 * The JSON header of a safetensors file: which tensor lies where.
 *
 * @param metadata free text of the file
 * @param entries the tensors in the order of their data
 */
record SafetensorsHeader(Map<String, String> metadata, List<Entry> entries) {
    private static final String METADATA = "__metadata__";
    private static final int ALIGNMENT = 8;

    /** As many as in a .pt file. */
    static final int MAX_TENSORS = PtArchive.MAX_STORAGES;

    /** Of a message of Jackson's, what says where in a text that it does not have. */
    private static final Pattern WHERE = Pattern.compile(" \\((start marker )?at \\[Source: ");

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
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Entry> entries = new ArrayList<>();
        // Jackson would guess UTF-16 and UTF-32 as well; the format is UTF-8.
        Reader text = new InputStreamReader(new ByteArrayInputStream(json), StandardCharsets.UTF_8.newDecoder());
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw refusal.because("its header is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals(METADATA)) {
                    readTexts(parser, metadata, refusal);
                } else {
                    entries.add(entry(name, parser, refusal));
                    requireFew(entries.size(), "tensors", refusal);
                }
            }
            if (parser.nextToken() != null) {
                throw refusal.because("its header is not JSON (something stands behind its end)");
            }
        } catch (JacksonIOException e) {
            throw refusal.because("its header is not UTF-8", e);
        } catch (JacksonException e) {
            throw refusal.because("its header is not JSON (" + WHERE.split(LibTorch.firstLine(e), 2)[0] + ")", e);
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

    private static void requireFew(int count, String what, InvalidFile refusal) throws InputException {
        if (count > MAX_TENSORS) {
            throw refusal.because("it has more than " + MAX_TENSORS + " " + what);
        }
    }

    /** Of an object of texts; the reference implementation takes a null, too. */
    private static void readTexts(JsonParser parser, Map<String, String> texts, InvalidFile refusal)
            throws InputException {
        if (parser.currentToken() == JsonToken.VALUE_NULL) {
            return;
        }
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw refusal.because("its metadata is not a JSON object");
        }
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw refusal.because("its metadata " + quoted(key) + " is not a text");
            }
            texts.put(key, parser.getString());
            requireFew(texts.size(), "metadata", refusal);
        }
    }

    private static Entry entry(String name, JsonParser parser, InvalidFile refusal) throws InputException {
        String dtype = "";
        List<Long> shape = null;
        List<Long> offsets = null;
        if (parser.currentToken() == JsonToken.START_OBJECT) {
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "dtype" -> dtype = parser.currentToken() == JsonToken.VALUE_STRING ? parser.getString() : "";
                    case "shape" -> shape = counts(parser);
                    case "data_offsets" -> offsets = counts(parser);
                    default -> {}
                }
                parser.skipChildren(); // of what is not looked at, or is not what it should be
            }
        } else {
            parser.skipChildren();
        }
        return entry(name, dtype, shape, offsets, refusal);
    }

    private static Entry entry(
            String name, String dtype, @Nullable List<Long> shape, @Nullable List<Long> offsets, InvalidFile refusal)
            throws InputException {
        Dtype type = Dtype.named(dtype)
                .orElseThrow(() -> refusal.because(quoted(name) + " is of the unknown dtype " + quoted(dtype)));
        if (shape == null) {
            throw refusal.because(quoted(name) + " has no valid shape");
        }
        if (offsets == null) {
            throw refusal.because(quoted(name) + " has no valid data_offsets");
        }
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

    /** An array of whole numbers from 0 up; null for anything else. */
    private static @Nullable List<Long> counts(JsonParser parser) {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            return null;
        }
        List<Long> counts = new ArrayList<>();
        boolean isValid = true;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER
                    && parser.getLongValue() >= 0) {
                counts.add(parser.getLongValue());
            } else {
                isValid = false;
                parser.skipChildren();
            }
        }
        return isValid ? List.copyOf(counts) : null;
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
