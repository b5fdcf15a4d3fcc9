package io.github.mnistlibtorch.app.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.SerializableString;
import tools.jackson.core.io.CharacterEscapes;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;

/**
 * Writes a page for a browser with everything in it: it loads no other file, and runs no script but its own. Java gives it the
 * data, and it draws them.
 */
final class Page {
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
            .characterEscapes(new HtmlEscapes())
            .build();

    private Page() {}

    /** What JSON has to escape, and what could end an element or begin one. */
    private static final class HtmlEscapes extends CharacterEscapes {
        @Override
        public int[] getEscapeCodesForAscii() {
            int[] codes = standardAsciiEscapesForJSON();
            for (char character : new char[] {'<', '>', '&'}) {
                codes[character] = ESCAPE_STANDARD;
            }
            return codes;
        }

        @Override
        public @Nullable SerializableString getEscapeSequence(int character) {
            return null; // none of its own
        }
    }

    /**
     * Writes the page.
     *
     * @param html replaced or created, whole or not at all; its folder must exist
     * @param name of the page: its body and its script
     * @param data that the script finds; numbers that are NaN or infinite are strings there
     * @throws IOException if the file cannot be written
     */
    static void write(Path html, String name, Object data) throws IOException {
        String script = resource("page.js") + resource(name + ".js");
        byte[] hash = HexFormat.of().parseHex(Sha256.hex(script.getBytes(UTF_8)));
        String page = resource("page.html")
                .replace("{{hash}}", Base64.getEncoder().encodeToString(hash))
                .replace("{{style}}", resource("page.css"))
                .replace("{{body}}", resource(name + ".html"))
                .replace("{{script}}", script)
                .replace("{{data}}", json(data)); // the last, so that nothing in it is replaced
        AtomicFile.write(html, out -> out.write(page.getBytes(UTF_8)));
    }

    /**
     * JSON in ASCII that ends no element of HTML, whatever is in it. A mapper of objects would take longer to
     * load than the page takes to write.
     *
     * @param data maps, lists, arrays of int, texts, numbers, booleans and {@code null}
     */
    static String json(Object data) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), text)) {
            write(json, data);
        }
        return text.toString();
    }

    private static void write(JsonGenerator json, @Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            map.forEach((name, own) -> {
                json.writeName(name.toString());
                write(json, own);
            });
            json.writeEndObject();
        } else if (value instanceof List<?> list) {
            json.writeStartArray();
            list.forEach(own -> write(json, own));
            json.writeEndArray();
        } else if (value instanceof int[] numbers) {
            json.writeArray(numbers, 0, numbers.length);
        } else if (value instanceof String || value instanceof Double number && !Double.isFinite(number)) {
            json.writeString(value.toString());
        } else if (value instanceof Number) {
            json.writeNumber(value.toString());
        } else if (value instanceof Boolean bool) {
            json.writeBoolean(bool);
        } else if (value == null) {
            json.writeNull();
        } else {
            throw new IllegalArgumentException("no JSON is made of a " + value.getClass());
        }
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = requireNonNull(Page.class.getResourceAsStream("/report/" + name))) {
            return new String(in.readAllBytes(), UTF_8).replace("\r\n", "\n");
        }
    }
}
