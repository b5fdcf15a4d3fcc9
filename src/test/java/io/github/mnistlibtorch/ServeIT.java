package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.ImageFolder;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The page to draw on, as another process serves it. */
class ServeIT {
    private static final int SIDE = 280;
    /** Of each test its own: a server may hang up on a connection that was idle just when a request comes, which no POST survives. */
    private final HttpClient http = HttpClient.newHttpClient();

    @TempDir
    private static Path folder;

    private static Process server;
    private static String url;

    @BeforeAll
    static void serve() throws Exception {
        assertThat(Program.run(folder, "train").exitCode()).isZero();
        server = start(List.of(), folder.resolve("served"), "--port", "0", "--save-drawings", "drawings");
        url = address(folder.resolve("served"));
        assertThat(url).startsWith("http://127.0.0.1:");
    }

    @AfterAll
    static void endsCleanly() throws Exception {
        server.destroy();
        assertThat(server.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(folder.resolve("served.err")).isEmptyFile();
    }

    private static Process start(List<String> jvmOptions, Path out, String... options) throws IOException {
        List<String> command = new ArrayList<>(Program.command(jvmOptions, "serve"));
        command.addAll(List.of(options));
        return Program.builder(command)
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(folder.resolve(out.getFileName() + ".err").toFile())
                .start();
    }

    private static String address(Path out) throws Exception {
        Pattern line = Pattern.compile("Draw a digit at (http://\\S+:\\d+/) \\(Ctrl-C ends\\)");
        String[] found = new String[1];
        Browser.await("the server", () -> {
            Matcher matcher = line.matcher(Files.readString(out));
            found[0] = matcher.find() ? matcher.group(1) : null;
            return found[0] != null;
        });
        return found[0];
    }

    @Test
    void aDigitIsDrawnAndTheAnswerAppears() throws Exception {
        try (Browser browser = new Browser(folder)) {
            browser.open(url, 1280, false);
            JsonNode paper =
                    browser.evaluate("(() => { const box = document.getElementById('paper').getBoundingClientRect();"
                            + " return { x: box.left, y: box.top }; })()");
            double x = paper.get("x").asDouble();
            double y = paper.get("y").asDouble();
            browser.draw(new double[][] {
                {x + 70, y + 60},
                {x + 130, y + 60},
                {x + 205, y + 62},
                {x + 180, y + 110},
                {x + 150, y + 170},
                {x + 125, y + 230}
            });
            Browser.await(
                    "the answer",
                    () -> browser.evaluate("document.getElementById('answer').textContent")
                            .asString()
                            .startsWith("It is 7 ("));

            assertThat(browser.evaluate("document.getElementById('seen').width").asInt())
                    .isEqualTo(28);
            assertThat(browser.evaluate("document.getElementById('hidden').height")
                            .asInt())
                    .as("32 units, 8 in a row, each in a frame of 32 pixels")
                    .isEqualTo(4 * 32);
            assertThat(browser.evaluate("[...document.querySelectorAll('#strongest li')].map(item => item.textContent)")
                            .values())
                    .hasSize(5)
                    .allSatisfy(unit -> assertThat(unit.asString())
                            .matches("unit \\d+(adds \\d+\\.\\d to|takes \\d+\\.\\d from) 7"));
            assertThat(browser.evaluate("document.querySelectorAll('#digits li div')[7].style.width")
                            .asString())
                    .endsWith("%");
            assertThat(browser.errors()).isEmpty();
            assertThat(browser.requests()).allMatch(request -> request.startsWith(url));
            browser.screenshot(Path.of("target/serve.png"));
            assertThat(browser.barriers()).isEmpty();

            browser.evaluate("document.getElementById('clear').click()");
            assertThat(browser.evaluate("document.getElementById('answer').textContent")
                            .asString())
                    .isEqualTo("Nothing is drawn yet.");
        }
    }

    @Test
    void onAPhoneNothingSticksOut() throws Exception {
        try (Browser browser = new Browser(folder)) {
            browser.open(url, 390, true);
            assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                    .isLessThanOrEqualTo(390);
            assertThat(browser.errors()).isEmpty();
            assertThat(browser.barriers()).isEmpty();
        }
    }

    @Test
    void strokesAreTakenBackAndAnExampleIsReadAsInTheSet() throws Exception {
        try (Browser browser = new Browser(folder)) {
            browser.open(url, 1280, true);
            Browser.await(
                    "examples",
                    () -> browser.evaluate("document.querySelectorAll('.example').length")
                                    .asInt()
                            == 10);
            browser.evaluate("document.querySelectorAll('.example')[4].click()");
            Browser.await(
                    "the answer",
                    () -> browser.evaluate("answer.textContent").asString().startsWith("It is 4 ("));
            // What the network sees is the picture of the set, bit for bit.
            assertThat(browser.evaluate(
                                    "fetch('examples').then(response => response.json()).then(examples =>"
                                            + " bytesOf(examples[4].grey).every((grey, i) => Math.round(255 * latest.seen[i]) === grey))")
                            .asBoolean())
                    .isTrue();
            browser.evaluate("undo()");
            assertThat(browser.evaluate("isEmpty() && answer.textContent === 'Nothing is drawn yet.'")
                            .asBoolean())
                    .isTrue();
            browser.evaluate("strokes.push({ width: 20, points: [[140, 60], [140, 220]] },"
                    + " { width: 20, points: [[20, 20], [60, 20]] }); change(); undo()");
            Browser.await(
                    "the answer",
                    () -> browser.evaluate("answer.textContent").asString().startsWith("It is 1 ("));
            assertThat(browser.barriers()).isEmpty();
            assertThat(browser.errors()).isEmpty();
        }
    }

    /** Black on transparent, white on transparent and white on black; of one the browser cannot read, it is said. */
    @Test
    void aPictureIsOpenedPastedOrDropped() throws Exception {
        try (Browser browser = new Browser(folder)) {
            browser.open(url, 1280, false);
            browser.evaluate(
                    "new Promise(done => { const wait = () => weights ? done() : setTimeout(wait, 20); wait(); })");
            for (String colours : List.of("'#000'", "'#fff'", "'#fff', '#000'")) {
                browser.evaluate("clear(); (async ([ink, ground]) => { const canvas = new OffscreenCanvas(900, 600);"
                        + " const pen = canvas.getContext('2d'); if (ground) { pen.fillStyle = ground; pen.fillRect(0, 0, 900, 600); }"
                        + " pen.strokeStyle = ink; pen.lineWidth = 40; pen.beginPath(); pen.moveTo(300, 120); pen.lineTo(600, 120);"
                        + " pen.lineTo(420, 500); pen.stroke(); await open(new File([await canvas.convertToBlob()], 'seven.png')); })(["
                        + colours + "])");
                Browser.await(
                        "the answer to " + colours,
                        () -> browser.evaluate("answer.textContent").asString().startsWith("It is 7 ("));
            }
            browser.evaluate("open(new File(['no picture'], 'x.png'))");
            assertThat(browser.evaluate("answer.textContent").asString())
                    .isEqualTo("x.png is no picture that this browser can read.");
            assertThat(browser.errors()).isEmpty();
        }
    }

    @Test
    void aDrawingIsSavedWithTheLabelThatItIsGiven() throws Exception {
        try (Browser browser = new Browser(folder)) {
            browser.open(url, 1280, false);
            Browser.await(
                    "labels",
                    () -> browser.evaluate("document.querySelectorAll('#classes button').length")
                                    .asInt()
                            == 10);
            assertThat(browser.evaluate("[...document.querySelectorAll('#classes button')].every(one => one.disabled)")
                            .asBoolean())
                    .as("there is nothing to save")
                    .isTrue();
            browser.evaluate("strokes.push({ width: 20, points: [[140, 60], [140, 220]] }); change();"
                    + " document.querySelectorAll('#classes button')[7].click()");
            Browser.await(
                    "the file",
                    () -> browser.evaluate("byId('saved').textContent")
                            .asString()
                            .startsWith("Saved as 7: 7"));
            assertThat(browser.errors()).isEmpty();
        }
        ImageFolder drawings = ImageFolder.load(folder.resolve("drawings"));
        assertThat(drawings.classes()).containsExactly("7");
        assertThat(drawings.rows()).isEqualTo(SIDE);
        byte[] pixels = new byte[3 * SIDE * SIDE];
        drawings.copyPixels(0, ByteBuffer.wrap(pixels), 0);
        assertThat(pixels[140 * SIDE + 140]).as("ink").isZero();
        assertThat(pixels[0]).as("paper").isEqualTo((byte) 255);

        for (String label : List.of("10", "-1", "x", "")) {
            assertThat(http.send(request("drawings?label=" + label, line()), BodyHandlers.ofString())
                            .statusCode())
                    .as(label)
                    .isEqualTo(422);
        }
        assertThat(http.send(request("drawings?label=1", new byte[100]), BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(400);
        assertThat(ImageFolder.load(folder.resolve("drawings")).size()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"280,280,78400,200", "20,280,5600,422", "281,279,78399,400", "0,0,0,400", "x,1,1,400", "20,20,401,400"})
    void aPictureIsAsLargeAsItIsSaidToBe(String width, String height, int bytes, int status) throws Exception {
        byte[] body = bytes == SIDE * SIDE ? line() : new byte[bytes];
        HttpResponse<String> answer =
                http.send(request("predict?width=" + width + "&height=" + height, body), BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    }

    @Test
    void theIconIsThere() throws Exception {
        for (String path : List.of("favicon.ico", "favicon.svg")) {
            HttpResponse<String> icon =
                    http.send(HttpRequest.newBuilder(URI.create(url + path)).build(), BodyHandlers.ofString());
            assertThat(icon.statusCode()).isEqualTo(200);
            assertThat(icon.headers().firstValue("content-type")).contains("image/svg+xml");
        }
    }

    @Test
    void manyMayAskAtOnce() {
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            answers.add(http.sendAsync(request("predict", line()), BodyHandlers.ofString()));
        }
        String first = answers.get(0).join().body();
        JsonNode answer = JsonMapper.builder().build().readTree(first);
        assertThat(answer.get("digit").asInt()).isEqualTo(1);
        assertThat(answer.get("seen").size()).isEqualTo(784);
        assertThat(answer.get("hidden").size()).isEqualTo(32);
        assertThat(answers).allSatisfy(other -> assertThat(other.join().body()).isEqualTo(first));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, SIDE * SIDE - 1, SIDE * SIDE + 1, 5_000_000})
    void aBodyOfAnotherSizeIsRefused(int size) throws Exception {
        // What is too long is not read to its end: the answer, or a closed connection, is what the sender gets.
        try {
            HttpResponse<String> answer = http.send(request("predict", new byte[size]), BodyHandlers.ofString());
            assertThat(answer.statusCode()).isEqualTo(size > SIDE * SIDE ? 413 : 400);
            assertThat(answer.body()).contains("a drawing is 280 x 280 bytes");
        } catch (IOException e) {
            assertThat(size).isGreaterThan(SIDE * SIDE);
        }
        assertThat(http.send(request("predict", line()), BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void anEmptyPaperIsSaidToBeOne() throws Exception {
        byte[] white = new byte[SIDE * SIDE];
        Arrays.fill(white, (byte) 255);
        HttpResponse<String> answer = http.send(request("predict", white), BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(422);
        assertThat(answer.body()).contains("the drawing shows no digit");
    }

    @Test
    void thereAreNoOtherPages() throws Exception {
        for (String path : List.of("predict", "events", "drawings", "../pom.xml", "serve/index.html", "%2e%2e/x")) {
            HttpRequest get = HttpRequest.newBuilder(URI.create(url + path)).build();
            assertThat(http.send(get, BodyHandlers.ofString()).statusCode())
                    .as(path)
                    .isEqualTo(404);
        }
    }

    @Test
    void headIsAnsweredLikeGetWithoutABody() throws Exception {
        HttpRequest head = HttpRequest.newBuilder(URI.create(url))
                .method("HEAD", BodyPublishers.noBody())
                .build();
        HttpResponse<String> answer = http.send(head, BodyHandlers.ofString());
        HttpResponse<String> page =
                http.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).isEmpty();
        assertThat(answer.headers().firstValueAsLong("content-length").orElseThrow())
                .isEqualTo(page.body().getBytes(StandardCharsets.UTF_8).length);
    }

    /** A page of another site, whose name has been pointed at this machine. */
    @Test
    void anotherNameForThisMachineIsNotAnswered() throws Exception {
        URI address = URI.create(url);
        try (Socket socket = new Socket("127.0.0.1", address.getPort())) {
            OutputStream out = socket.getOutputStream();
            out.write("GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
            out.flush();
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            socket.getInputStream().transferTo(answer);
            assertThat(answer.toString(StandardCharsets.US_ASCII))
                    .startsWith("HTTP/1.1 403 ")
                    .contains("start it with --host to let others in");
        }
    }

    /** Four of them stopped the JDK's own server for good. */
    @Test
    void slowConnectionsDoNotKeepOthersWaiting() throws Exception {
        int port = URI.create(url).getPort();
        List<Socket> slow = new ArrayList<>();
        List<String> halves = List.of(
                "GE",
                "GET / HTTP/1.1\r\nHost: loc",
                "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 78400\r\n\r\nxx",
                "");
        try {
            for (int i = 0; i < 400; i++) {
                Socket socket = new Socket("127.0.0.1", port);
                socket.getOutputStream().write(halves.get(i % halves.size()).getBytes(StandardCharsets.US_ASCII));
                slow.add(socket);
            }
            for (int i = 0; i < 20; i++) {
                assertThat(http.send(request("predict", line()), BodyHandlers.ofString())
                                .statusCode())
                        .isEqualTo(200);
            }
            // What does not come in time is hung up on; a byte a second is no excuse.
            Socket last = slow.get(1);
            last.setSoTimeout(500);
            int end = 0;
            for (int i = 0; i < 120 && end != -1; i++) {
                try {
                    last.getOutputStream().write('x');
                    end = last.getInputStream().read();
                } catch (SocketTimeoutException e) {
                    // It is still listened to.
                } catch (SocketException e) {
                    end = -1;
                }
            }
            assertThat(end).isEqualTo(-1);
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GET / HTTP/1.1~Host: LOCALHOST.:80 | 200",
                "GET / HTTP/1.1~Host: 127.0.0.2 | 200",
                "GET / HTTP/1.1~Host: [::1]:8080 | 200",
                "GET http://localhost/ HTTP/1.1~Host: localhost | 200",
                "HEAD / HTTP/1.1~Host: elsewhere.example~Connection: close | 403",
                "POST /predict HTTP/1.1~Host: localhost~Content-Length: 1~Content-Length: 1~~x | 400",
                "GET /%zz HTTP/1.1~Host: localhost | 404",
                "GET /\\\\ HTTP/1.1~Host: localhost | 404",
                "GET / HTTP/1.1~Host: localhost.elsewhere.example | 403",
                "GET / HTTP/1.1~Host: localhost~Host: localhost | 403",
                "GET / HTTP/1.1~Accept: text/html | 403",
                "GET http://elsewhere.example/ HTTP/1.1~Host: localhost | 403",
                "POST /predict HTTP/1.1~Host: localhost~Origin: null~Content-Length: 0 | 403",
                "POST /predict HTTP/1.1~Host: localhost~Origin: http://elsewhere.example~Content-Length: 0 | 403",
                "POST /predict HTTP/1.1~Host: localhost~Origin: http://localhost~Content-Length: 0 | 400",
                "POST /predict HTTP/1.1~Host: localhost~Content-Length: 1~Content-Length: 2 | 400",
                "POST /predict HTTP/1.1~Host: localhost~Content-Length: -1 | 400",
                "GARBAGE | 400",
                "GET /%zz<> HTTP/1.1~Host: localhost | 404"
            })
    void requestsThatNoBrowserMakesAreAnsweredInWords(String lines, int status) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", URI.create(url).getPort())) {
            socket.setSoTimeout(60_000);
            socket.getOutputStream()
                    .write((lines.replace("~", "\r\n") + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            BufferedReader in =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            assertThat(in.readLine()).startsWith("HTTP/1.1 " + status + " ");
            int length = 0;
            for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
                length = line.startsWith("content-length: ") ? Integer.parseInt(line.substring(16)) : length;
            }
            char[] body = new char[lines.startsWith("HEAD") ? 0 : length];
            for (int count = 0; count < body.length; ) {
                count += in.read(body, count, body.length - count);
            }
            if (status >= 400 && !lines.startsWith("HEAD")) {
                assertThat(new String(body))
                        .matches("\\{\"error\":\"[a-z1-9][^\"]+\"}")
                        .doesNotContain("Exception");
            }
        }
    }

    /** The answer was lost with the connection, as what had been sent was not read. */
    @ParameterizedTest
    @ValueSource(strings = {"GET /", "POST /predict"})
    void aForeignHostIsToldSo(String request) throws Exception {
        byte[] body = request.startsWith("POST") ? line() : new byte[0];
        for (int i = 0; i < 50; i++) {
            try (Socket socket = new Socket("127.0.0.1", URI.create(url).getPort())) {
                socket.setSoTimeout(60_000);
                OutputStream out = socket.getOutputStream();
                out.write((request + " HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\nContent-Length: "
                                + body.length + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
                out.write(body);
                String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
                assertThat(answer)
                        .startsWith("HTTP/1.1 403 ")
                        .endsWith("{\"error\":\"this program answers on its own machine alone; start it with --host to"
                                + " let others in\"}");
            }
        }
    }

    /** A hundred of them ended the JDK's server by OutOfMemoryError. */
    @Test
    void longHeadersThatDoNotEndTakeLittleMemory() throws Exception {
        Path out = folder.resolve("small");
        Process small = start(List.of("-Xmx16m"), out, "--port", "0");
        List<Socket> halves = new ArrayList<>();
        try {
            URI address = URI.create(address(out));
            for (int i = 0; i < 100; i++) {
                Socket socket = new Socket("127.0.0.1", address.getPort());
                halves.add(socket);
                OutputStream body = socket.getOutputStream();
                body.write("GET / HTTP/1.1\r\nHost: localhost\r\n".getBytes(StandardCharsets.US_ASCII));
                for (int k = 0; k < 7; k++) {
                    body.write(("X-Long" + k + ": " + "a".repeat(1_000) + "\r\n").getBytes(StandardCharsets.US_ASCII));
                }
            }
            for (int i = 0; i < 20; i++) {
                assertThat(http.send(request(address, line()), BodyHandlers.ofString())
                                .statusCode())
                        .isEqualTo(200);
            }
        } finally {
            for (Socket socket : halves) {
                socket.close();
            }
            small.destroy();
        }
        assertThat(small.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(folder.resolve("small.err"))).isEmpty();
    }

    /** The page at the address that is printed, by that name, and drawings sent from it. */
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.2", "127.0.1.1", "localhost", "::1", "", "this machine's name"})
    void theAddressThatIsPrintedIsAnswered(String host) throws Exception {
        String name = host.startsWith("this") ? InetAddress.getLocalHost().getHostName() : host;
        assumeTrue(canListenAt(name), "this machine has no address " + name);
        Path out = folder.resolve("named");
        Files.deleteIfExists(out);
        Process named = start(List.of(), out, "--port", "0", "--host", name);
        try {
            String printed = address(out);
            assertThat(printed)
                    .startsWith("http://"
                            + (name.isEmpty() ? "127.0.0.1" : name.contains(":") ? "[" + name + "]" : name) + ":");
            URI address = URI.create(printed);
            HttpRequest get = HttpRequest.newBuilder(address).build();
            assertThat(http.send(get, BodyHandlers.ofString()).statusCode()).isEqualTo(200);
            HttpRequest post = HttpRequest.newBuilder(address.resolve("predict"))
                    .header("Origin", printed.substring(0, printed.length() - 1))
                    .POST(BodyPublishers.ofByteArray(line()))
                    .build();
            assertThat(http.send(post, BodyHandlers.ofString()).statusCode()).isEqualTo(200);
        } finally {
            named.destroy();
        }
        assertThat(named.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }

    private static boolean canListenAt(String name) {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(name))) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void headersHaveALimit() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .header("X-Long", "a".repeat(20_000))
                .build();
        HttpResponse<String> answer = http.send(request, BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(431);
        assertThat(answer.body()).contains("the headers are too long");
    }

    /** The model was freed under the request: SIGSEGV in seven of twelve tries. */
    @Test
    void aSignalWaitsForTheAnswerThatIsBeingGiven() throws Exception {
        LibTorch.start();
        Path large = folder.resolve("large.pt");
        RunConfig config = RunConfig.of(
                Map.of(
                        "seed", "42",
                        "val-size", "10000",
                        "batch-size", "128",
                        "hidden-size", "4000,4000",
                        "dtype", "float32",
                        "optimizer", "sgd",
                        "schedule", "1@0.1"),
                /* numWorkers= */ 0);
        try (ImageClassificationBase model = config.newModel()) {
            StateDict.save(model, large);
        }
        for (int i = 0; i < 4; i++) {
            Path out = folder.resolve("ended" + i);
            Process ended = start(List.of(), out, "--port", "0", "--model", large.toString());
            URI address = URI.create(address(out));
            List<Thread> askers = new ArrayList<>();
            for (int k = 0; k < 4; k++) {
                Thread asker = new Thread(() -> {
                    try {
                        while (true) {
                            http.send(request(address, line()), BodyHandlers.discarding());
                        }
                    } catch (IOException | InterruptedException e) {
                        // The server has ended.
                    }
                });
                asker.start();
                askers.add(asker);
            }
            Thread.sleep(300L + 150L * i);
            ended.destroy();
            assertThat(ended.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(ended.exitValue()).isEqualTo(143);
            assertThat(folder.resolve("ended" + i + ".err")).isEmptyFile();
            for (Thread asker : askers) {
                asker.interrupt();
                asker.join();
            }
        }
    }

    @Test
    void aPortThatIsTakenIsSaidInOneSentence() {
        String port = Integer.toString(URI.create(url).getPort());
        Program.run(folder, "serve", "--port", port).assertRefused("cannot listen at 127.0.0.1:" + port, "--port");
        Program.run(folder, "serve", "--port", "70000").assertRefused("--port 70000 is none");
    }

    private static HttpRequest request(URI address, byte[] drawing) {
        return HttpRequest.newBuilder(address.resolve("predict"))
                .POST(BodyPublishers.ofByteArray(drawing))
                .build();
    }

    private static HttpRequest request(String path, byte[] body) {
        return HttpRequest.newBuilder(URI.create(url + path))
                .POST(BodyPublishers.ofByteArray(body))
                .build();
    }

    /** Upright, a digit that every network knows. */
    private static byte[] line() {
        byte[] grey = new byte[SIDE * SIDE];
        for (int i = 0; i < grey.length; i++) {
            boolean ink = i % SIDE >= 130 && i % SIDE < 150 && i / SIDE >= 60 && i / SIDE < 220;
            grey[i] = (byte) (ink ? 0 : 255);
        }
        return grey;
    }
}
