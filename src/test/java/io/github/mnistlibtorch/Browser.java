package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.opentest4j.TestAbortedException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Chromium without a screen, told what to do through its DevTools protocol. */
final class Browser implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** A guard against a hang, not a measure. */
    private static final int SECONDS = 30;

    private final Process process;
    private final WebSocket socket;
    private final AtomicInteger ids = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();

    /** Everything that the browser has told unasked. */
    private final List<JsonNode> events = new CopyOnWriteArrayList<>();

    /**
     * Starts the browser; the test is skipped where there is none.
     *
     * @param folder for its profile
     */
    Browser(Path folder) throws IOException, InterruptedException {
        Path program = Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(path -> Stream.of(Path.of(path, "chromium"), Path.of(path, "chromium-browser")))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new TestAbortedException("there is no Chromium"));
        Path profile = Files.createTempDirectory(folder, "profile");
        process = new ProcessBuilder(
                        program.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-background-networking",
                        "--hide-scrollbars",
                        "--user-data-dir=" + profile,
                        "--remote-debugging-port=0",
                        "about:blank")
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("browser.log").toFile())
                .start();
        Path address = profile.resolve("DevToolsActivePort");
        await(
                "the browser to start",
                () -> Files.exists(address) && Files.readAllLines(address).size() == 2);
        String port = Files.readAllLines(address).get(0);
        HttpClient http = HttpClient.newHttpClient();
        JsonNode[] page = new JsonNode[1];
        await("a page", () -> {
            URI list = URI.create("http://127.0.0.1:" + port + "/json/list");
            for (JsonNode target :
                    JSON.readTree(http.send(HttpRequest.newBuilder(list).build(), BodyHandlers.ofString())
                            .body())) {
                if (target.get("type").asString().equals("page")) {
                    page[0] = target;
                }
            }
            return page[0] != null;
        });
        socket = http.newWebSocketBuilder()
                .buildAsync(URI.create(page[0].get("webSocketDebuggerUrl").asString()), new Listener())
                .join();
        for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
            tell(domain + ".enable", Map.of());
        }
    }

    /** Opens a page and waits until it is there. */
    void open(String url, int width, boolean dark) throws Exception {
        tell(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
        tell(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
        events.clear();
        tell("Page.navigate", Map.of("url", url));
        await("the page", () -> events.stream().anyMatch(event -> isCalled(event, "Page.loadEventFired")));
    }

    /** What axe-core, of the makers of the usual tools for this, finds amiss for people who see, hear or point otherwise. */
    List<String> barriers() throws IOException {
        try (InputStream axe = requireNonNull(Browser.class.getResourceAsStream("/axe.min.js"))) {
            evaluate(new String(axe.readAllBytes(), UTF_8) + ";true");
        }
        JsonNode result = evaluate("axe.run().then(found => ({ checked: found.passes.length, barriers:"
                + " found.violations.map(rule => rule.id + ': ' + rule.nodes.map(node => node.html).join(' ')) }))");
        assertThat(result.get("checked").asInt())
                .as("rules that were looked at")
                .isGreaterThan(10);
        return result.get("barriers").values().stream().map(JsonNode::asString).toList();
    }

    /** What an expression of JavaScript gives, in the page, now or when it has been awaited. */
    JsonNode evaluate(String expression) {
        JsonNode result =
                tell("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
        assertThat(result.get("exceptionDetails")).as(expression).isNull();
        return result.get("result").get("value");
    }

    /** Presses, moves and releases the mouse, along points of the window. */
    void draw(double[]... points) {
        mouse("mousePressed", points[0]);
        for (double[] point : points) {
            mouse("mouseMoved", point);
        }
        mouse("mouseReleased", points[points.length - 1]);
    }

    /** Presses and releases a key, by its name in JavaScript. */
    void press(String key) {
        int code = requireNonNull(Map.of("ArrowLeft", 37, "ArrowRight", 39, "Enter", 13, "Escape", 27)
                .get(key));
        Map<String, Object> event = new LinkedHashMap<>(Map.of("key", key, "code", key, "windowsVirtualKeyCode", code));
        if (key.equals("Enter")) {
            event.put("text", "\r");
        }
        for (String type : List.of("keyDown", "keyUp")) {
            event.put("type", type);
            tell("Input.dispatchKeyEvent", event);
        }
    }

    private void mouse(String type, double[] point) {
        Map<String, Object> event = new LinkedHashMap<>(Map.of("type", type, "x", point[0], "y", point[1]));
        event.put("button", "left");
        event.put("buttons", type.equals("mouseReleased") ? 0 : 1);
        event.put("clickCount", 1);
        tell("Input.dispatchMouseEvent", event);
    }

    /**
     * What the console has of errors, since the page was opened; but for drawings of which the server has said that there is no digit
     * (422), as of the first dot of one: the page shows its sentence.
     */
    List<String> errors() {
        return events.stream()
                .filter(event -> isCalled(event, "Log.entryAdded")
                                && event.get("params")
                                        .get("entry")
                                        .get("level")
                                        .asString()
                                        .equals("error")
                        || isCalled(event, "Runtime.exceptionThrown")
                        || isCalled(event, "Runtime.consoleAPICalled"))
                .map(JsonNode::toString)
                .filter(event -> !event.contains("status of 422") || !event.contains("/predict?"))
                .toList();
    }

    /** What the page has asked for, since it was opened. */
    List<String> requests() {
        return events.stream()
                .filter(event -> isCalled(event, "Network.requestWillBeSent"))
                .map(event -> event.get("params").get("request").get("url").asString())
                .toList();
    }

    void screenshot(Path png) throws IOException {
        JsonNode image = tell("Page.captureScreenshot", Map.of("format", "png"));
        Files.write(png, Base64.getDecoder().decode(image.get("data").asString()));
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    static void await(String what, Condition condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (true) {
            try {
                if (condition.holds()) {
                    return;
                }
            } catch (Exception e) {
                // not yet
            }
            if (System.nanoTime() > end) {
                throw new AssertionError("waited " + SECONDS + " s for " + what);
            }
            Thread.sleep(20);
        }
    }

    private static boolean isCalled(JsonNode event, String method) {
        return event.get("method").asString().equals(method);
    }

    private JsonNode tell(String method, Map<String, ?> params) {
        int id = ids.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        socket.sendText(JSON.writeValueAsString(Map.of("id", id, "method", method, "params", params)), true)
                .join();
        JsonNode whole = answer.orTimeout(SECONDS, TimeUnit.SECONDS).join();
        assertThat(whole.get("error")).as(method).isNull();
        return whole.get("result");
    }

    @Override
    public void close() {
        socket.abort();
        // Its helpers write into the profile as long as they live, and the folder is deleted after this.
        List<ProcessHandle> all = Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .toList();
        process.destroy();
        for (ProcessHandle one : all) {
            one.onExit()
                    .orTimeout(SECONDS, TimeUnit.SECONDS)
                    .exceptionally(late -> one)
                    .join();
            one.destroyForcibly();
        }
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                JsonNode message = JSON.readTree(text.toString());
                text.setLength(0);
                if (message.has("id")) {
                    requireNonNull(answers.remove(message.get("id").asInt())).complete(message);
                } else {
                    events.add(message);
                }
            }
            socket.request(1);
            return null;
        }
    }
}
