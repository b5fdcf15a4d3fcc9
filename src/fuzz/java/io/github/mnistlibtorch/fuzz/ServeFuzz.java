package io.github.mnistlibtorch.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.code_intelligence.jazzer.api.BugDetectors;
import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import io.github.mnistlibtorch.app.predict.DigitServer;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.netty.util.internal.logging.InternalLoggerFactory;
import io.netty.util.internal.logging.JdkLoggerFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;

/**
 * Requests to {@code serve} over a raw socket. Each is answered with a status line or by closing the connection; then a proper one gets its
 * answer. Nothing goes to standard error, and no thread and no native memory stays.
 */
public final class ServeFuzz {
    private static final String HOST = "127.0.0.1";
    private static final int DRAWING = 280 * 280;

    /** No answer takes as long; a server that hangs is one that has failed. */
    private static final int MILLISECONDS = 20_000;

    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] [1-5]\\d\\d [A-Za-z ()-]+\r\n(?s:.*)");

    /** The server's own two, and those of the JVM that come when there is work for them. */
    private static final int MORE_THREADS = 8;

    private static final int CHECK_EVERY = 64;

    private static final ByteArrayOutputStream SAID = new ByteArrayOutputStream();
    private static final DigitServer SERVER = start();
    private static final int THREADS = Thread.activeCount();

    private static final String[] METHODS = {"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "get", ""};
    private static final String[] PATHS = {
        "/",
        "/serve.js",
        "/model",
        "/predict",
        "/predict?x=%",
        "/%00",
        "/..",
        "*",
        "http://127.0.0.1/",
        "http://other/",
        "//",
        "/a b",
        ""
    };
    private static final String[] VERSIONS = {"HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "http/1.1", ""};
    private static final String[] HEADERS = {
        "Host: 127.0.0.1",
        "Host: localhost:1",
        "Host: other",
        "Host:",
        "Content-Length: 78400",
        "Content-Length: 0",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Connection: close",
        "Connection: upgrade",
        "Upgrade: h2c",
        "Expect: 100-continue",
        "Origin: null",
        "Origin: http://127.0.0.1",
        "Content-Type: text/plain",
        "Content-Encoding: gzip",
        " folded",
        ":",
        "X: \0"
    };

    private static int inputs;
    private static long pointers;

    private ServeFuzz() {}

    public static void fuzzerTestOneInput(FuzzedDataProvider input) {
        byte[] request = request(input);
        Budget.hold(request.length, () -> {
            String answer = ask(request);
            if (!answer.isEmpty() && !STATUS.matcher(answer).matches()) {
                throw new AssertionError("no status line: " + answer);
            }
            return true;
        });
        if (SAID.size() > 0) {
            throw new AssertionError("it says " + SAID.toString(ISO_8859_1));
        }
        if (++inputs % CHECK_EVERY == 0) {
            requireAlive();
        }
    }

    private static DigitServer start() {
        BugDetectors.allowNetworkConnections(); // this target's own
        LibTorch.start();
        // As in the jar, where there is no other logging: to standard error.
        InternalLoggerFactory.setDefaultFactory(JdkLoggerFactory.INSTANCE);
        System.setErr(new PrintStream(SAID, /* autoFlush= */ true, ISO_8859_1));
        MnistModels.Saved model = new MnistModels.Saved(MnistModels.create("mlp", List.of(4)), ImageSpec.MNIST);
        try {
            DigitServer server =
                    new DigitServer(InetAddress.getByName(HOST), HOST, 0, /* drawings= */ null, /* monitor= */ null);
            server.serve(model, new Device("cpu"));
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] request(FuzzedDataProvider input) {
        Parts bytes = new Parts(input);
        if (bytes.rarely()) {
            return bytes.rest();
        }
        for (int requests = 1 + bytes.choice(3); requests > 0; requests--) {
            text(bytes, input.pickValue(METHODS) + " ");
            text(bytes, bytes.rarely() ? "/" + "x".repeat(bytes.times()) : input.pickValue(PATHS));
            text(bytes, " " + (bytes.rarely() ? input.pickValue(VERSIONS) : VERSIONS[0]) + "\r\n");
            if (!bytes.rarely()) {
                text(bytes, HEADERS[0] + "\r\n");
            }
            for (int headers = bytes.choice(4); headers > 0; headers--) {
                bytes.repeat((input.pickValue(HEADERS) + "\r\n").getBytes(ISO_8859_1), Math.max(1, bytes.times()));
            }
            if (!bytes.rarely()) {
                text(bytes, "\r\n");
            }
            switch (bytes.choice(5)) {
                case 0 -> bytes.put(new byte[DRAWING]);
                case 1 -> {
                    byte[] chunk = bytes.bytes();
                    text(bytes, Integer.toHexString(bytes.rarely() ? bytes.number() : chunk.length) + "\r\n");
                    bytes.put(chunk);
                    text(bytes, "\r\n0\r\n\r\n");
                }
                case 2 -> bytes.put(bytes.bytes());
                default -> {}
            }
        }
        return bytes.finished();
    }

    private static void text(Parts bytes, String text) {
        bytes.put(text.getBytes(ISO_8859_1));
    }

    /** Sends {@code request} and that no more comes; returns all that is answered, nothing if the connection is closed or reset. */
    private static String ask(byte[] request) {
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        try (Socket socket = new Socket(HOST, SERVER.port())) {
            socket.setSoTimeout(MILLISECONDS);
            socket.setTcpNoDelay(true);
            try {
                socket.getOutputStream().write(request);
                socket.shutdownOutput();
                socket.getInputStream().transferTo(answer);
            } catch (SocketTimeoutException e) {
                throw new AssertionError("no answer and no end", e);
            } catch (IOException e) {
                // It was closed before all was sent: so is a request refused that is too long.
            }
        } catch (IOException e) {
            throw new AssertionError("the server takes no connection", e);
        }
        return answer.toString(ISO_8859_1);
    }

    private static void requireAlive() {
        Parts drawing = new Parts(null);
        text(
                drawing,
                "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: " + DRAWING
                        + "\r\n\r\n");
        byte[] stroke = new byte[DRAWING];
        for (int y = 60; y < 220; y++) {
            Arrays.fill(stroke, 280 * y + 130, 280 * y + 150, (byte) 255);
        }
        String answer = ask(drawing.put(stroke).toByteArray());
        if (!answer.startsWith("HTTP/1.1 200 OK\r\n") || !answer.contains("\"probabilities\"")) {
            throw new AssertionError("no answer to a drawing any more: " + answer);
        }
        if (Thread.activeCount() > THREADS + MORE_THREADS) {
            throw new AssertionError(Thread.activeCount() + " threads instead of " + THREADS);
        }
        // What an answer takes is given back before the next one is begun.
        if (inputs == CHECK_EVERY) {
            pointers = Pointer.totalCount();
        } else if (Pointer.totalCount() > pointers) {
            throw new AssertionError(Pointer.totalCount() - pointers + " native objects left behind");
        }
    }
}
