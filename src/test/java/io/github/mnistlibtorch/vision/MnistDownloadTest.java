package io.github.mnistlibtorch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.vision.Mnist.Split;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Downloads from a server on the loopback address that behaves well, and badly in the ways that servers do. */
class MnistDownloadTest {
    private static final String FIRST = "train-images-idx3-ubyte.gz";

    @TempDir
    private Path root;

    private final Map<String, byte[]> archives = new TreeMap<>();
    private final Map<String, Integer> requests = new ConcurrentHashMap<>();
    private final CountDownLatch testIsOver = new CountDownLatch(1);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private HttpServer server;

    @BeforeEach
    void serve() throws IOException {
        JsonNode files = VisionValues.recorded("folders").get("files");
        for (String name : files.propertyNames()) {
            archives.put(
                    name + ".gz",
                    IdxReaderTest.gzip(HexFormat.of().parseHex(files.get(name).asString())));
        }
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        handle("/good/", this::serveArchive);
        handle("/missing/", exchange -> exchange.sendResponseHeaders(404, -1));
        handle("/broken/", exchange -> exchange.sendResponseHeaders(500, -1));
        handle("/cut/", exchange -> {
            byte[] archive = archive(exchange);
            exchange.sendResponseHeaders(200, archive.length);
            exchange.getResponseBody().write(archive, 0, archive.length / 2);
            exchange.getResponseBody().flush();
            throw new IOException("the server hangs up");
        });
        handle("/other/", exchange -> {
            byte[] page = "<html>Welcome to our network</html>".getBytes();
            exchange.sendResponseHeaders(200, page.length);
            exchange.getResponseBody().write(page);
        });
        handle("/stalling/", exchange -> {
            byte[] archive = archive(exchange);
            exchange.sendResponseHeaders(200, archive.length);
            exchange.getResponseBody().write(archive, 0, 3);
            exchange.getResponseBody().flush();
            awaitEndOfTest();
        });
        handle("/silent/", exchange -> awaitEndOfTest());
        handle("/moved/", exchange -> redirect(exchange, "/good/" + name(exchange)));
        handle("/loop/", exchange -> redirect(exchange, "/loop/" + name(exchange)));
        handle("/local/", exchange -> redirect(exchange, "file:///etc/hosts"));
        server.start();
    }

    @AfterEach
    void stop() {
        testIsOver.countDown();
        server.stop(0);
        threads.shutdown();
    }

    @Test
    void goodServerGivesTheWholeSet() throws IOException {
        List<String> progress = new ArrayList<>();
        download("/good/")
                .withProgress((file, received, total) -> progress.add(file + " " + received + "/" + total))
                .to(root);
        assertThat(Mnist.load(root, Split.TRAIN).size()).isEqualTo(2);
        assertThat(Mnist.load(root, Split.TEST).size()).isEqualTo(1);
        assertThat(names()).containsExactlyInAnyOrderElementsOf(allFiles());
        for (Map.Entry<String, byte[]> archive : archives.entrySet()) {
            int length = archive.getValue().length;
            assertThat(progress)
                    .contains(archive.getKey() + " 0/" + length, archive.getKey() + " " + length + "/" + length);
        }
    }

    @Test
    void setThatIsThereIsNotAskedFor() throws IOException {
        MnistTest.writeSet(Files.createDirectories(root.resolve("MNIST/raw")));
        download("/good/").to(root);
        assertThat(requests).isEmpty();
    }

    @Test
    void intactArchiveIsNotFetchedAgainButUnpacked() throws IOException {
        Path folder = Files.createDirectories(root.resolve("MNIST/raw"));
        Files.write(folder.resolve(FIRST), archives.get(FIRST));
        download("/good/").to(root);
        assertThat(requests).doesNotContainKey("/good/" + FIRST).hasSize(3);
        assertThat(names()).containsExactlyInAnyOrderElementsOf(allFiles());
    }

    @Test
    void damagedArchiveIsFetchedAgain() throws IOException {
        Path folder = Files.createDirectories(root.resolve("MNIST/raw"));
        Files.writeString(folder.resolve(FIRST), "half of an archive");
        download("/good/").to(root);
        assertThat(requests).containsEntry("/good/" + FIRST, 1);
        assertThat(folder.resolve(FIRST)).hasBinaryContent(archives.get(FIRST));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/missing/", "/broken/", "/cut/", "/other/", "/stalling/", "/silent/", "/loop/", "/local/"})
    void secondMirrorHelpsWhereTheFirstFails(String first) throws IOException {
        download(first, "/good/").to(root);
        assertThat(names()).containsExactlyInAnyOrderElementsOf(allFiles());
        assertThat(Mnist.load(root, Split.TRAIN).size()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/missing/", "/broken/", "/cut/", "/other/", "/stalling/", "/silent/", "/loop/", "/local/"})
    void whatFailsLeavesNothingHalfWritten(String mirror) throws IOException {
        assertThatThrownBy(() -> download(mirror).to(root))
                .isInstanceOf(InputException.class)
                .hasMessageContainingAll(FIRST, mirror)
                .message()
                .doesNotContain("\n");
        assertThat(names()).isEmpty();
    }

    @Test
    void everyMirrorIsNamedWithItsReason() {
        assertThatThrownBy(() -> download("/missing/", "/other/").to(root))
                .hasMessageContainingAll("/missing/: HTTP status 404", "/other/: MD5 is ");
    }

    @Test
    void redirectIsFollowed() throws IOException {
        download("/moved/").to(root);
        assertThat(requests).containsKeys("/moved/" + FIRST, "/good/" + FIRST);
        assertThat(Mnist.load(root, Split.TRAIN).size()).isEqualTo(2);
    }

    @Test
    void atMostThreeRedirectsAreFollowed() {
        assertThatThrownBy(() -> download("/loop/").to(root)).hasMessageContaining("more than 3 redirects");
        assertThat(requests).containsEntry("/loop/" + FIRST, 4);
    }

    @Test
    void folderThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.writeString(root.resolve("file"), "kept");
        assertThatThrownBy(() -> download("/good/").to(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(file.toString());
        assertThat(file).hasContent("kept");
        assertThat(requests).isEmpty();
    }

    @Test
    void mirrorsAndChecksumsAreTorchvisions() {
        JsonNode recorded = VisionValues.recorded("mnist");
        MnistDownload standard = MnistDownload.standard();
        assertThat(standard.mirrors())
                .extracting(URI::toString)
                .isEqualTo(recorded.get("mirrors")
                        .valueStream()
                        .map(JsonNode::asString)
                        .toList());
        Map<String, String> checksums = new TreeMap<>();
        recorded.get("resources")
                .propertyStream()
                .forEach(file -> checksums.put(file.getKey(), file.getValue().asString()));
        assertThat(standard.checksums()).isEqualTo(checksums);
    }

    private MnistDownload download(String... mirrors) {
        Map<String, String> checksums = new TreeMap<>();
        archives.forEach((name, content) -> checksums.put(name, VisionValues.md5(content)));
        return MnistDownload.standard()
                .withMirrors(Stream.of(mirrors).map(this::address).toList())
                .withChecksums(checksums)
                .withTimeout(Duration.ofMillis(300));
    }

    private URI address(String path) {
        InetSocketAddress address = server.getAddress();
        return URI.create("http://" + address.getAddress().getHostAddress() + ":" + address.getPort() + path);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(root.resolve("MNIST/raw"))) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private List<String> allFiles() {
        return archives.keySet().stream()
                .flatMap(name -> Stream.of(name, name.replace(".gz", "")))
                .toList();
    }

    private void handle(String path, HttpHandler handler) {
        server.createContext(path, exchange -> {
            requests.merge(exchange.getRequestURI().getPath(), 1, Integer::sum);
            try (exchange) {
                handler.handle(exchange);
            }
        });
    }

    private void serveArchive(HttpExchange exchange) throws IOException {
        byte[] archive = archive(exchange);
        exchange.sendResponseHeaders(200, archive.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(archive);
        }
    }

    private static void redirect(HttpExchange exchange, String to) throws IOException {
        exchange.getResponseHeaders().add("Location", to);
        exchange.sendResponseHeaders(302, -1);
    }

    private byte[] archive(HttpExchange exchange) throws IOException {
        byte[] archive = archives.get(name(exchange));
        if (archive == null) {
            throw new IOException("no such archive");
        }
        return archive;
    }

    private static String name(HttpExchange exchange) {
        return Path.of(exchange.getRequestURI().getPath()).getFileName().toString();
    }

    private void awaitEndOfTest() {
        try {
            testIsOver.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
