package io.github.mnistlibtorch.torch.vision;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Mnist.Split;
import java.io.ByteArrayOutputStream;
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
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
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
        handle("/port/", exchange -> redirect(exchange, "http://127.0.0.1:99999/"));
        handle("/hostless/", exchange -> redirect(exchange, "http:///"));
        handle("/garbled/", exchange -> redirect(exchange, "http://["));
        handle("/nowhere/", exchange -> exchange.sendResponseHeaders(302, -1));
        // Without a length: in chunks.
        handle("/chunked/", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write(archive(exchange));
        });
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
        Map<String, Integer> once = new TreeMap<>();
        archives.keySet().forEach(name -> once.put("/good/" + name, 1));
        download("/good/")
                .withProgress((file, received, total) -> progress.add(file + " " + received + "/" + total))
                .to(root);
        assertThat(Mnist.load(root, Split.TRAIN).size()).isEqualTo(2);
        assertThat(Mnist.load(root, Split.TEST).size()).isEqualTo(1);
        assertThat(names()).containsExactlyInAnyOrderElementsOf(allFiles());
        assertThat(requests).isEqualTo(once);
        for (Map.Entry<String, byte[]> archive : archives.entrySet()) {
            int length = archive.getValue().length;
            assertThat(progress)
                    .contains(archive.getKey() + " 0/" + length, archive.getKey() + " " + length + "/" + length);
        }
    }

    @Test
    void serverMayKeepTheLengthToItself() throws IOException {
        List<String> progress = new ArrayList<>();
        download("/chunked/")
                .withProgress((file, received, total) -> progress.add(file + " " + received + "/" + total))
                .to(root);
        assertThat(progress).contains(FIRST + " 0/-1", FIRST + " " + bytes(FIRST).length + "/-1");
        assertThat(Mnist.load(root, Split.TRAIN).size()).isEqualTo(2);
    }

    @Test
    void progressThatThrowsLeavesNothingHalfWritten() throws IOException {
        MnistDownload download = download("/good/").withProgress((file, received, total) -> {
            if (received > 0) {
                throw new IllegalStateException("enough of " + file);
            }
        });
        assertThatThrownBy(() -> download.to(root)).hasMessage("enough of " + FIRST);
        assertThat(names()).isEmpty();
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
        Files.write(folder.resolve(FIRST), bytes(FIRST));
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
        assertThat(folder.resolve(FIRST)).hasBinaryContent(bytes(FIRST));
        assertThat(names()).containsExactlyInAnyOrderElementsOf(allFiles());
    }

    @Test
    void damagedArchiveStaysWhereNoMirrorHasABetterOne() throws IOException {
        Path folder = Files.createDirectories(root.resolve("MNIST/raw"));
        Files.writeString(folder.resolve(FIRST), "half of an archive");
        assertThatThrownBy(() -> download("/cut/").to(root)).isInstanceOf(InputException.class);
        assertThat(folder.resolve(FIRST)).hasContent("half of an archive");
        assertThat(names()).containsExactly(FIRST);
    }

    @Test
    void whatCameBeforeAFailureIsNotFetchedAgain() throws IOException {
        String last = "t10k-labels-idx1-ubyte.gz";
        byte[] archive = requireNonNull(archives.remove(last));
        Map<String, String> checksums = new TreeMap<>(checksums());
        checksums.put(last, VisionValues.md5(archive));
        MnistDownload download =
                MnistDownload.standard().withMirrors(List.of(address("/good/"))).withChecksums(checksums);
        assertThatThrownBy(() -> download.to(root))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(last);
        assertThat(names()).hasSize(6).doesNotContain(last);
        archives.put(last, archive);
        download.to(root);
        assertThat(requests)
                .containsEntry("/good/" + FIRST, 1)
                .containsEntry("/good/train-labels-idx1-ubyte.gz", 1)
                .containsEntry("/good/t10k-images-idx3-ubyte.gz", 1);
        assertThat(names()).containsExactlyInAnyOrderElementsOf(allFiles());
    }

    static List<String> badServers() {
        return List.of(
                "/missing/",
                "/broken/",
                "/cut/",
                "/other/",
                "/stalling/",
                "/silent/",
                "/loop/",
                "/local/",
                "/port/",
                "/hostless/",
                "/garbled/",
                "/nowhere/");
    }

    @Tag("slow")
    @ParameterizedTest
    @MethodSource("badServers")
    void secondMirrorHelpsWhereTheFirstFails(String first) throws IOException {
        impatient(first, download(first, "/good/")).to(root);
        assertThat(names()).containsExactlyInAnyOrderElementsOf(allFiles());
        assertThat(Mnist.load(root, Split.TRAIN).size()).isEqualTo(2);
    }

    @Tag("slow")
    @ParameterizedTest
    @MethodSource("badServers")
    void whatFailsLeavesNothingHalfWritten(String mirror) throws IOException {
        assertThatThrownBy(() -> impatient(mirror, download(mirror)).to(root))
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
    void mirrorsBehindTheOneThatHelpsAreNotAsked() throws IOException {
        download("/missing/", "/good/", "/broken/").to(root);
        assertThat(requests.keySet())
                .hasSize(8)
                .contains("/missing/" + FIRST, "/good/" + FIRST)
                .noneMatch(path -> path.startsWith("/broken/"));
    }

    @Test
    void timeoutThatNoSocketTakesIsRefused() {
        for (Duration timeout : List.of(
                Duration.ZERO,
                Duration.ofMillis(-1),
                Duration.ofNanos(999_999),
                Duration.ofDays(25),
                Duration.ofSeconds(Long.MAX_VALUE))) {
            assertThatThrownBy(() -> MnistDownload.standard().withTimeout(timeout))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(timeout.toString());
        }
    }

    @Test
    void noMirrorsOrAnUnknownSetOfChecksumsIsRefused() {
        assertThatThrownBy(() -> MnistDownload.standard().withMirrors(List.of()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> MnistDownload.standard().withChecksums(Map.of(FIRST, "00")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("t10k-labels-idx1-ubyte.gz");
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
        return MnistDownload.standard()
                .withMirrors(Stream.of(mirrors).map(this::address).toList())
                .withChecksums(checksums());
    }

    private Map<String, String> checksums() {
        Map<String, String> checksums = new TreeMap<>();
        archives.forEach((name, content) -> checksums.put(name, VisionValues.md5(content)));
        return checksums;
    }

    private byte[] bytes(String archive) {
        return requireNonNull(archives.get(archive));
    }

    /** Waits less for servers that never go on; the others get the time that a busy machine may need. */
    private static MnistDownload impatient(String mirror, MnistDownload download) {
        boolean hangs = mirror.equals("/stalling/") || mirror.equals("/silent/");
        return hangs ? download.withTimeout(Duration.ofSeconds(1)) : download;
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

    /** {@code LiveParityIT} compares them with torchvision's. */
    @Test
    void otherSetsAreKnownByName() {
        assertThat(MnistDownload.names())
                .containsExactly(
                        "mnist",
                        "fashion-mnist",
                        "kmnist",
                        "qmnist",
                        "emnist-byclass",
                        "emnist-bymerge",
                        "emnist-balanced",
                        "emnist-letters",
                        "emnist-digits",
                        "emnist-mnist");
        assertThat(MnistDownload.named("mnist")).isEqualTo(MnistDownload.standard());
        assertThatThrownBy(() -> MnistDownload.named("emnist")).isInstanceOf(IllegalArgumentException.class);
    }

    /** EMNIST is one archive, from which the four files of a set are taken; the next set of it needs no server. */
    @Test
    void setsOfEmnistComeFromOneArchive() throws IOException {
        Path recorded = Path.of("test-data/sets/EMNIST/raw");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes);
                Stream<Path> files = Files.list(recorded)) {
            for (Path file : files.toList()) {
                zip.putNextEntry(new ZipEntry("gzip/" + file.getFileName() + ".gz"));
                zip.write(IdxReaderTest.gzip(Files.readAllBytes(file)));
            }
        }
        archives.clear();
        archives.put("gzip.zip", bytes.toByteArray());
        for (String set : List.of("emnist-letters", "emnist-byclass")) {
            MnistDownload.named(set)
                    .withMirrors(List.of(address("/good/")))
                    .withChecksums(checksums())
                    .to(root);
            assertThat(Mnist.load(root.resolve(set), Split.TRAIN).crc32())
                    .isEqualTo(Mnist.load(recorded.resolve(set), Split.TRAIN).crc32());
        }
        assertThat(requests).isEqualTo(Map.of("/good/gzip.zip", 1));
        assertThatThrownBy(() -> MnistDownload.named("emnist-digits")
                        .withMirrors(List.of(address("/good/")))
                        .withChecksums(checksums())
                        .to(root))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("gzip.zip has no gzip/emnist-digits-train-images-idx3-ubyte.gz");
    }
}
