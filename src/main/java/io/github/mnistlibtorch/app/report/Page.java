package io.github.mnistlibtorch.app.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a page for a browser with everything in it: it loads no other file, and runs no script but its own. Java gives it the
 * data, and it draws them.
 */
final class Page {
    private Page() {}

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
     * JSON in ASCII that ends no element of HTML, whatever is in it. A mapper of objects would do the same, but to load one takes
     * longer than to write the page.
     *
     * @param data maps, lists, arrays of int, texts, numbers, booleans and {@code null}
     */
    static String json(Object data) {
        StringBuilder json = new StringBuilder();
        append(json, data);
        return json.toString();
    }

    private static void append(StringBuilder json, @Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            json.append('{');
            map.forEach((name, own) -> {
                append(json, name);
                json.append(':');
                append(json, own);
                json.append(',');
            });
            end(json, '}');
        } else if (value instanceof List<?> list) {
            json.append('[');
            for (Object own : list) {
                append(json, own);
                json.append(',');
            }
            end(json, ']');
        } else if (value instanceof int[] numbers) {
            json.append(Arrays.toString(numbers).replace(" ", ""));
        } else if (value instanceof String || value instanceof Double number && !Double.isFinite(number)) {
            json.append('"');
            value.toString().chars().forEach(character -> appendCharacter(json, (char) character));
            json.append('"');
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            json.append(value);
        } else {
            throw new IllegalArgumentException("no JSON is made of a " + value.getClass());
        }
    }

    private static void end(StringBuilder json, char end) {
        if (json.charAt(json.length() - 1) == ',') {
            json.setLength(json.length() - 1);
        }
        json.append(end);
    }

    private static void appendCharacter(StringBuilder json, char character) {
        if (character < ' ' || character > '~' || "\"\\<>&".indexOf(character) >= 0) {
            json.append("\\u").append(HexFormat.of().toHexDigits(character));
        } else {
            json.append(character);
        }
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = requireNonNull(Page.class.getResourceAsStream("/report/" + name))) {
            return new String(in.readAllBytes(), UTF_8).replace("\r\n", "\n");
        }
    }
}
