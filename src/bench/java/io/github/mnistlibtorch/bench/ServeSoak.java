package io.github.mnistlibtorch.bench;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Asks a running {@code serve} for very much, and prints what grows in it: after thousands of requests, with a thousand slow connections,
 * and with two thousand connections at once.
 */
public final class ServeSoak {
    private static final int SIDE = 280;
    private static final int SLOW = 1_000;
    private static final int AT_ONCE = 2_000;
    private static final int DRAWINGS = 200;

    /** Of these requests one is a drawing, the others ask for the page. */
    private static final int REQUESTS_PER_DRAWING = 5;

    private static final int REQUESTS_PER_CONNECTION = 20;
    private static final int ROWS = 10;

    private final int port;
    private final Path process;

    private ServeSoak(int port, Path process) {
        this.port = port;
        this.process = process;
    }

    /** @param arguments the port, the number of the process, how many requests */
    public static void main(String[] arguments) throws Exception {
        ServeSoak soak = new ServeSoak(Integer.parseInt(arguments[0]), Path.of("/proc", arguments[1]));
        soak.ask(Integer.parseInt(arguments[2]));
        soak.measure("a drawing on a kept connection");
        soak.amongSlowOnes();
        soak.manyAtOnce();
        TimeUnit.SECONDS.sleep(1);
        soak.print("at the end");
    }

    private void ask(int requests) throws IOException {
        int done = 0;
        while (done < requests) {
            try (Connection connection = new Connection()) {
                for (int i = 0; i < REQUESTS_PER_CONNECTION && done < requests; i++) {
                    connection.require(++done % REQUESTS_PER_DRAWING == 0 ? DRAWING : PAGE);
                    if (done % Math.max(1, requests / ROWS) == 0) {
                        print(done + " requests");
                    }
                }
            }
        }
    }

    private void measure(String what) throws IOException {
        double[] millis = new double[DRAWINGS];
        try (Connection connection = new Connection()) {
            for (int i = 0; i < millis.length; i++) {
                long began = System.nanoTime();
                connection.require(DRAWING);
                millis[i] = (System.nanoTime() - began) / 1e6;
            }
        }
        Arrays.sort(millis);
        System.out.printf(
                Locale.ROOT,
                "%s: median %.1f ms, worst of %d %.1f ms%n",
                what,
                millis[millis.length / 2],
                millis.length,
                millis[millis.length - 1]);
    }

    /** Half a request line, half a header, half a body, or nothing at all. */
    private void amongSlowOnes() throws IOException {
        List<String> halves = List.of(
                "GE",
                "GET / HTTP/1.1\r\nHost: loc",
                "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 78400\r\n\r\nxx",
                "");
        List<Socket> slow = new ArrayList<>();
        for (int i = 0; i < SLOW; i++) {
            Socket socket = new Socket("127.0.0.1", port);
            socket.getOutputStream().write(halves.get(i % halves.size()).getBytes(StandardCharsets.US_ASCII));
            slow.add(socket);
        }
        print("with " + SLOW + " slow connections");
        measure("a drawing beside " + SLOW + " slow connections");
        for (Socket socket : slow) {
            socket.close();
        }
    }

    /** All have asked before the first answer is read. */
    private void manyAtOnce() throws IOException {
        List<Connection> connections = new ArrayList<>();
        for (int i = 0; i < AT_ONCE; i++) {
            connections.add(new Connection());
        }
        print("with " + AT_ONCE + " connections");
        long began = System.nanoTime();
        for (Connection connection : connections) {
            connection.send(PAGE);
        }
        for (Connection connection : connections) {
            connection.requireAnswer();
        }
        System.out.printf(
                Locale.ROOT,
                "%d connections at once got the page, in %.1f s%n",
                AT_ONCE,
                (System.nanoTime() - began) / 1e9);
        for (Connection connection : connections) {
            connection.close();
        }
    }

    private void print(String when) throws IOException {
        String status = Files.readString(process.resolve("status"));
        try (Stream<Path> descriptors = Files.list(process.resolve("fd"))) {
            System.out.printf(
                    "%s: resident memory %d MB, threads %d, descriptors %d%n",
                    when, number(status, "VmRSS") / 1_000, number(status, "Threads"), descriptors.count());
        }
    }

    private static long number(String status, String name) {
        return status.lines()
                .filter(line -> line.startsWith(name + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    private static final byte[] PAGE = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] DRAWING = drawing();

    /** An upright line. */
    private static byte[] drawing() {
        byte[] head = ("POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + SIDE * SIDE + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        byte[] request = Arrays.copyOf(head, head.length + SIDE * SIDE);
        for (int i = 0; i < SIDE * SIDE; i++) {
            boolean ink = i % SIDE >= 130 && i % SIDE < 150 && i / SIDE >= 60 && i / SIDE < 220;
            request[head.length + i] = (byte) (ink ? 0 : 255);
        }
        return request;
    }

    /** One that is kept. */
    private final class Connection implements AutoCloseable {
        private final Socket socket = new Socket("127.0.0.1", port);
        private final InputStream in = new BufferedInputStream(socket.getInputStream());

        Connection() throws IOException {
            socket.setTcpNoDelay(true);
        }

        void require(byte[] request) throws IOException {
            send(request);
            requireAnswer();
        }

        void send(byte[] request) throws IOException {
            OutputStream out = socket.getOutputStream();
            out.write(request);
        }

        /** Throws unless the answer is 200. */
        void requireAnswer() throws IOException {
            String first = line();
            if (!first.startsWith("HTTP/1.1 200 ")) {
                throw new IOException("the answer is " + first);
            }
            int length = 0;
            for (String line = line(); !line.isEmpty(); line = line()) {
                if (line.startsWith("content-length: ")) {
                    length = Integer.parseInt(line.substring("content-length: ".length()));
                }
            }
            in.skipNBytes(length);
        }

        private String line() throws IOException {
            StringBuilder line = new StringBuilder();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new IOException("the connection was closed");
                }
                line.append((char) c);
            }
            return line.toString().strip();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
