package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code train --watch}: a page that shows a training, and changes nothing of it. */
class WatchIT {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String[] RUN = {"train", "--schedule", "2@0.5,1@0.1", "--seed", "7"};

    @TempDir
    private Path folder;

    private final HttpClient http = HttpClient.newHttpClient();

    private static String[] with(String... more) {
        return Stream.concat(Stream.of(RUN), Stream.of(more)).toArray(String[]::new);
    }

    @Test
    void aWatchedTrainingPrintsAndWritesWhatAnotherDoes() throws Exception {
        Program.Result alone = Program.run(folder, with("--out", "alone"));
        assertThat(alone.exitCode()).isZero();
        try (Server server = Server.start(folder, with("--watch", "--port", "0", "--out", "watched"))) {
            CompletableFuture<HttpResponse<String>> stream =
                    http.sendAsync(get(server.url() + "events"), BodyHandlers.ofString());
            awaitLine(server, "The training is done; draw at " + server.url());
            assertThat(server.out().lines().toList()).isEqualTo(alone.out());

            // The stream has ended with the training, and has told all of it.
            HttpResponse<String> told = stream.get(1, TimeUnit.MINUTES);
            assertThat(told.headers().firstValue("content-type")).contains("text/event-stream");
            List<Double> losses = new ArrayList<>();
            List<Double> accuracies = new ArrayList<>();
            boolean isDone = false;
            for (String line : told.body()
                    .lines()
                    .filter(text -> text.startsWith("data: "))
                    .toList()) {
                JsonNode news = JSON.readTree(line.substring("data: ".length()));
                if (news.has("losses")) {
                    assertThat(news.get("losses").get("from").asInt()).isEqualTo(losses.size());
                    news.get("losses").get("values").values().forEach(value -> losses.add(value.asDouble()));
                }
                if (news.has("epochs")) {
                    news.get("epochs")
                            .values()
                            .forEach(epoch -> accuracies.add(epoch.get("valAcc").asDouble()));
                }
                isDone |= news.has("done");
            }
            assertThat(isDone).isTrue();
            assertThat(losses).hasSize(3 * 391); // 50,000 examples in batches of 128
            JsonNode history = JSON.readTree(Files.readString(folder.resolve("alone/history.json")));
            assertThat(accuracies).hasSameSizeAs(history.values());
            for (int i = 0; i < accuracies.size(); i++) {
                assertThat(accuracies.get(i))
                        .isCloseTo(history.get(i).get("val_acc").asDouble(), within(1e-5));
            }

            // It goes on as the page to draw on, with the network of this run.
            JsonNode model = JSON.readTree(http.send(get(server.url() + "model"), BodyHandlers.ofString())
                    .body());
            assertThat(model.get("isTraining").asBoolean()).isFalse();
            assertThat(model.get("hidden").get("units").asInt()).isEqualTo(32);
            assertThat(server.end("INT")).isZero();
        }
        assertThat(files("watched")).isEqualTo(files("alone"));
        for (String file : List.of("model.pt", "model.safetensors", "history.json", "checkpoint.pt", "loss.png")) {
            assertThat(folder.resolve("watched").resolve(file)).hasSameBinaryContentAs(folder.resolve("alone/" + file));
        }
    }

    /** Streams that nobody reads do not keep the training waiting, others are told no, and none is cut for taking long. */
    @Test
    void eventStreamsHaveTheLimitsOfOtherRequestsButThatOfTime() throws Exception {
        try (Server server =
                Server.start(folder, "train", "--watch", "--port", "0", "--out", "long", "--schedule", "500@0.1")) {
            int port = URI.create(server.url()).getPort();
            List<Socket> streams = new ArrayList<>();
            try {
                for (int i = 0; i < 16; i++) {
                    Socket socket = new Socket("127.0.0.1", port);
                    socket.setReceiveBufferSize(4_096);
                    socket.getOutputStream()
                            .write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(US_ASCII));
                    streams.add(socket);
                }
                BufferedReader first =
                        new BufferedReader(new InputStreamReader(streams.get(0).getInputStream(), US_ASCII));
                assertThat(first.readLine()).isEqualTo("HTTP/1.1 200 OK");
                Browser.await(
                        "16 streams to be open",
                        () -> http.send(get(server.url() + "events"), BodyHandlers.ofString())
                                        .statusCode()
                                == 503);
                assertThat(statusOf(port, "GET /events HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n"))
                        .startsWith("HTTP/1.1 403 ");
                assertThat(statusOf(
                                port,
                                "GET /events HTTP/1.1\r\nHost: localhost\r\nOrigin: http://elsewhere.example\r\n\r\n"))
                        .startsWith("HTTP/1.1 403 ");
                HttpResponse<String> early = http.send(
                        HttpRequest.newBuilder(URI.create(server.url() + "predict"))
                                .POST(BodyPublishers.ofByteArray(new byte[280 * 280]))
                                .build(),
                        BodyHandlers.ofString());
                assertThat(early.statusCode()).isEqualTo(503);
                assertThat(early.body()).contains("still being trained");

                // A request has 15 s to be made and answered; the first stream goes on for longer.
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
                streams.get(0).setSoTimeout(60_000);
                while (System.nanoTime() < end) {
                    assertThat(first.readLine()).isNotNull();
                }
                awaitLine(server, "5 of 500 epochs done");
                assertThat(server.end("INT")).isEqualTo(130);
                assertThat(server.err()).contains("mnist-libtorch: interrupted; to go on:");
            } finally {
                for (Socket stream : streams) {
                    stream.close();
                }
            }
        }
    }

    @Test
    void thePageShowsTheTrainingAndThenBecomesThePageToDrawOn() throws Exception {
        try (Server server = Server.start(folder, with("--watch", "--port", "0", "--hidden-size", "512"));
                Browser browser = new Browser(folder)) {
            browser.open(server.url(), 1280, false);
            Browser.await(
                    "weights",
                    () -> browser.evaluate("training.weights !== null && !byId('watch').hidden")
                            .asBoolean());
            browser.screenshot(Path.of("target/watch.png"));
            assertThat(browser.barriers()).isEmpty();
            awaitLine(server, "The training is done");
            Browser.await(
                    "the page to draw on",
                    () -> browser.evaluate(
                                    "!byId('draw').hidden && weights !== null && byId('status').textContent.startsWith('Done: 3 epochs')")
                            .asBoolean());
            assertThat(browser.evaluate("byId('weights-note').textContent").asString())
                    .endsWith("These are the first 64 of 512.");
            assertThat(browser.evaluate("document.querySelectorAll('#epochs tr').length")
                            .asInt())
                    .isEqualTo(4);
            Browser.await(
                    "the examples",
                    () -> browser.evaluate("document.querySelectorAll('.example').length === 10")
                            .asBoolean());
            browser.evaluate("document.querySelectorAll('.example')[3].click()");
            Browser.await(
                    "an answer",
                    () -> browser.evaluate("answer.textContent").asString().startsWith("It is 3 ("));
            assertThat(browser.evaluate("byId('units').textContent").asString())
                    .endsWith("These are the 64 of 512 that say most.");
            browser.screenshot(Path.of("target/watched.png"));
            assertThat(browser.barriers()).isEmpty();
            browser.open(server.url(), 390, true);
            Browser.await(
                    "the training",
                    () -> browser.evaluate("training.weights !== null && weights !== null")
                            .asBoolean());
            assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                    .isLessThanOrEqualTo(390);
            assertThat(browser.barriers()).isEmpty();
            assertThat(browser.errors()).isEmpty();
            assertThat(browser.requests()).allMatch(request -> request.startsWith(server.url()));
        }
    }

    @Test
    void whatCannotBeWatchedIsRefused() throws Exception {
        Map<String, String> rank =
                Map.of("RANK", "0", "WORLD_SIZE", "2", "MASTER_ADDR", "127.0.0.1", "MASTER_PORT", "1");
        Program.run(folder, rank, "train", "--watch").assertRefused("--watch is for a process that trains alone");
        Program.run(folder, "train", "--watch", "--dry-run").assertRefused("--dry-run", "leave --watch out");
        Program.run(folder, "train", "--port", "8000").assertRefused("--port is for the page of --watch");
        try (Socket taken = new Socket()) {
            taken.bind(null);
            Program.run(folder, "train", "--watch", "--port", Integer.toString(taken.getLocalPort()))
                    .assertRefused("cannot listen at 127.0.0.1:" + taken.getLocalPort(), "--port");
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    private static HttpRequest get(String url) {
        return HttpRequest.newBuilder(URI.create(url)).build();
    }

    private static String statusOf(int port, String request) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", port)) {
            socket.setSoTimeout(60_000);
            socket.getOutputStream().write(request.getBytes(US_ASCII));
            return String.valueOf(
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII)).readLine());
        }
    }

    /** A guard against a hang: on a busy machine an epoch takes long. */
    private static void awaitLine(Server server, String text) throws Exception {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(5);
        while (!server.err().contains(text)) {
            assertThat(System.nanoTime()).as("waiting for: " + text).isLessThan(end);
            Thread.sleep(50);
        }
    }

    private TreeSet<String> files(String run) throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve(run))) {
            return new TreeSet<>(
                    files.map(file -> file.getFileName().toString()).toList());
        }
    }
}
