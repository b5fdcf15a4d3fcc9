package io.github.mnistlibtorch.torch.distributed;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A connection between rank 0 and each other rank, beside Gloo's, over which all ranks learn which of them is lost, and why.
 *
 * <p>A connection that closes names the rank whose process has ended; one that falls silent, a rank that is frozen or cut off.
 * A rank that fails says so before it goes, and one that is done says that. Rank 0 hands the first of these causes on to all.
 *
 * <p>The port and a random token are told in the store; a connection that does not begin with the token is closed.
 */
final class RankMonitor implements Closeable {
    private static final String ALIVE = "";

    /** Not a sentence, so that no cause is mistaken for it. */
    private static final String DONE = "done";

    private static final int TOKEN_BYTES = 16;
    private static final int HANDSHAKE_MILLISECONDS = 5_000;
    private static final int MAX_STRANGERS = 100;
    private static final int MAX_CAUSE_CHARACTERS = 2_000;

    /** So many intervals without a word make a rank silent. */
    private static final int MAX_MISSED = 8;

    private final int rank;
    private final Duration silence;
    private final Map<Integer, Peer> peers = new ConcurrentHashMap<>();
    private final CompletableFuture<String> cause = new CompletableFuture<>();
    private final Semaphore strangers = new Semaphore(MAX_STRANGERS);
    private volatile boolean closed;

    /** Of rank 0. */
    private @Nullable ServerSocket server;

    private final byte[] token;

    private RankMonitor(int rank, Duration silence, byte[] token) {
        this.rank = rank;
        this.silence = silence;
        this.token = token;
    }

    /**
     * Opens that of rank 0, on a port that the system chooses.
     *
     * @param silence after which a rank is taken for lost
     */
    static RankMonitor host(Duration silence) throws IOException {
        byte[] token = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(token);
        RankMonitor monitor = new RankMonitor(0, silence, token);
        ServerSocket server = new ServerSocket(0);
        monitor.server = server;
        monitor.startThread(() -> monitor.accept(server));
        monitor.startThread(monitor::watch);
        return monitor;
    }

    /** The port and the token, which {@link #join} takes. */
    String announcement() {
        ServerSocket open = server;
        if (open == null) {
            throw new IllegalStateException("rank 0 alone announces its monitor");
        }
        return open.getLocalPort() + " " + HexFormat.of().formatHex(token);
    }

    /**
     * Connects to that of rank 0.
     *
     * @throws IOException if it does not answer
     */
    static RankMonitor join(int rank, String host, String announcement, Duration silence) throws IOException {
        String[] parts = announcement.split(" ", 2);
        byte[] token = HexFormat.of().parseHex(parts[1]);
        RankMonitor monitor = new RankMonitor(rank, silence, token);
        Socket socket = new Socket();
        try {
            socket.connect(new InetSocketAddress(host, Integer.parseInt(parts[0])), HANDSHAKE_MILLISECONDS);
            socket.setSoTimeout(HANDSHAKE_MILLISECONDS);
            Peer peer = monitor.new Peer(0, socket);
            peer.out.write(token);
            peer.out.writeInt(rank);
            peer.in.readUTF();
            socket.setSoTimeout(0);
            monitor.peers.put(0, peer);
            monitor.startThread(peer::listen);
            monitor.startThread(monitor::watch);
            return monitor;
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    private void startThread(Runnable work) {
        Thread thread = new Thread(work, "rank monitor");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept(ServerSocket open) {
        while (true) {
            try {
                Socket socket = open.accept();
                if (open.isClosed()) {
                    socket.close(); // it came while the port was being closed
                    return;
                }
                if (strangers.tryAcquire()) {
                    startThread(() -> admit(socket));
                } else {
                    socket.close(); // a rank comes again
                }
            } catch (IOException e) {
                if (open.isClosed()) {
                    return;
                }
            }
        }
    }

    private void admit(Socket socket) {
        Peer peer;
        try {
            socket.setSoTimeout(HANDSHAKE_MILLISECONDS);
            peer = new Peer(0, socket);
            boolean knowsToken = MessageDigest.isEqual(peer.in.readNBytes(TOKEN_BYTES), token);
            peer.rank = knowsToken ? peer.in.readInt() : 0;
            if (peer.rank <= 0 || peers.putIfAbsent(peer.rank, peer) != null) {
                socket.close();
                return;
            }
            socket.setSoTimeout(0);
        } catch (IOException e) {
            closeQuietly(socket);
            return;
        } finally {
            strangers.release();
        }
        peer.send(cause.getNow(ALIVE));
        peer.listen();
    }

    /** Closes the port: all ranks have come. */
    void closePort() {
        closeQuietly(server);
    }

    /** At regular intervals, says that this rank is there, and counts those in which nothing comes from another. */
    private void watch() {
        long interval = Math.max(1, silence.toMillis() / (MAX_MISSED + 2));
        try {
            while (!closed) {
                Thread.sleep(interval);
                for (Peer peer : peers.values()) {
                    peer.send(ALIVE);
                    // Counted in intervals of this process: one that was frozen itself has not heard the others.
                    if (!peer.left && ++peer.missed > MAX_MISSED) {
                        lose("rank " + peer.rank + " has been lost: nothing has come from it for " + seconds(silence)
                                + " s");
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String seconds(Duration duration) {
        String text = Double.toString(duration.toMillis() / 1000.0);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }

    /** The first cause counts; rank 0 tells it all others, and then itself, which may close their connections. */
    private synchronized void lose(String sentence) {
        if (!closed && !cause.isDone()) {
            if (rank == 0) {
                peers.values().forEach(peer -> peer.send(sentence));
            }
            cause.complete(sentence);
        }
    }

    /** Tells the others why this rank goes, unless that is because another has gone. */
    synchronized void fail(String sentence) {
        String limited = sentence.substring(0, Math.min(MAX_CAUSE_CHARACTERS, sentence.length()));
        if (!closed && !cause.isDone()) {
            peers.values().forEach(peer -> peer.send(limited));
            cause.complete(limited);
        }
    }

    /** Done when a rank is lost, with a sentence that says which, and why. */
    CompletableFuture<String> cause() {
        return cause;
    }

    /** The cause, if it is known by then. */
    @Nullable String awaitCause(Duration patience) {
        try {
            return cause.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Whether a rank has been here and has gone. */
    boolean hasLeft(int other) {
        Peer peer = peers.get(other);
        return peer != null && peer.left;
    }

    /** Leaves in good order. */
    @Override
    public void close() {
        peers.values().forEach(peer -> peer.send(DONE));
        closed = true;
        closePort();
        peers.values().forEach(peer -> closeQuietly(peer.socket));
    }

    private static void closeQuietly(@Nullable Closeable resource) {
        try {
            if (resource != null) {
                resource.close();
            }
        } catch (IOException e) {
            // it is gone
        }
    }

    private final class Peer {
        private int rank;
        private final Socket socket;
        private final DataInputStream in;
        private final DataOutputStream out;
        private volatile int missed;
        private volatile boolean left;

        Peer(int rank, Socket socket) throws IOException {
            this.rank = rank;
            this.socket = socket;
            socket.setTcpNoDelay(true);
            in = new DataInputStream(socket.getInputStream());
            out = new DataOutputStream(socket.getOutputStream());
        }

        private void send(String message) {
            try {
                synchronized (out) {
                    out.writeUTF(message);
                }
            } catch (IOException e) {
                // listen() says so
            }
        }

        private void listen() {
            boolean done = false;
            try {
                while (true) {
                    String message = in.readUTF();
                    missed = 0;
                    if (message.equals(DONE)) {
                        done = true;
                    } else if (!message.equals(ALIVE)) {
                        lose(message);
                    }
                }
            } catch (IOException e) {
                left = true;
                if (!done) {
                    lose("rank " + rank + " has been lost: its process has ended, or the network was cut");
                }
            }
        }
    }
}
