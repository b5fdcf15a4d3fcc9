package io.github.mnistlibtorch.app.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes a page for a browser with everything in it: it loads no other file, and runs no script but its own. Java gives it the
 * data, and it draws them.
 */
final class Page {
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

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

    /** JSON that ends no element of HTML, whatever is in it. */
    static String json(Object data) {
        return JSON.writeValueAsString(data)
                .replace("<", "\\u003c")
                .replace(">", "\\u003e")
                .replace("&", "\\u0026");
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = requireNonNull(Page.class.getResourceAsStream("/report/" + name))) {
            return new String(in.readAllBytes(), UTF_8).replace("\r\n", "\n");
        }
    }
}
