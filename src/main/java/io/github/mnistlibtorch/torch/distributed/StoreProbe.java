package io.github.mnistlibtorch.torch.distributed;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;

/**
 * As much of the protocol of {@code TCPStore} as a process needs that has not loaded LibTorch, or cannot: to ask who answers at
 * {@code MASTER_PORT}, and to tell the ranks that wait there why this one does not come.
 */
final class StoreProbe {
    // c10d's QueryType, little-endian like all that follows.
    private static final byte VALIDATE = 0;
    private static final byte SET = 1;
    private static final byte PING = 13;

    private static final int MAGIC = 0x3C85F7CE;
    private static final int NONCE = 0x6D6E6973;

    /** Instead of the nonce, by a rank 0 that cannot keep a store. */
    private static final int REFUSED = 0x6E6F6E65;

    private static final int GREETING_BYTES = 10;
    private static final int MILLISECONDS = 5_000;

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** Who answers. */
    enum Answer {
        NOBODY,
        /** It takes the connection, and says nothing. */
        SILENCE,
        STORE
    }

    private StoreProbe() {}

    /**
     * Asks who answers.
     *
     * @throws DistributedException if it is a rank 0 that has been refused, or no store
     */
    static Answer ask(DistributedEnvironment environment) {
        boolean connected = false;
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(environment.masterAddr(), environment.masterPort()), MILLISECONDS);
            connected = true;
            requireStore(socket, environment);
            return Answer.STORE;
        } catch (IOException e) {
            return connected ? Answer.SILENCE : Answer.NOBODY;
        }
    }

    private static void requireStore(Socket socket, DistributedEnvironment environment) throws IOException {
        socket.setSoTimeout((int) Math.min(MILLISECONDS, environment.timeout().toMillis()));
        socket.getOutputStream()
                .write(littleEndian(GREETING_BYTES)
                        .put(VALIDATE)
                        .putInt(MAGIC)
                        .put(PING)
                        .putInt(NONCE)
                        .array());
        requireNonce(socket, environment);
    }

    private static void requireNonce(Socket socket, DistributedEnvironment environment) throws IOException {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        int answer = Integer.reverseBytes(in.readInt());
        if (answer == REFUSED) {
            throw new DistributedException(in.readUTF(), null);
        }
        if (answer != NONCE) {
            throw notRank0(environment);
        }
    }

    static DistributedException notRank0(DistributedEnvironment environment) {
        return new DistributedException(
                "something else than rank 0 answers at " + environment.masterAddr() + ":" + environment.masterPort()
                        + "; set MASTER_ADDR and MASTER_PORT to where rank 0 does",
                null);
    }

    private static ByteBuffer littleEndian(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Tells the ranks that have come, or come soon, why this one does not: as a client of the store, or in its place. Does nothing
     * if nobody is to be reached.
     */
    static void tellRefused(DistributedEnvironment environment, String reason) {
        long end = System.nanoTime()
                + Math.min(PATIENCE.toNanos(), environment.timeout().toNanos());
        String sentence = StoreHandshake.refused(environment.rank(), reason);
        try {
            if (environment.hostsStore()) {
                answerInPlaceOfStore(environment, sentence, end);
            } else {
                while (!set(environment, sentence) && System.nanoTime() < end) {
                    Thread.sleep(StoreHandshake.POLL_MILLISECONDS);
                }
            }
        } catch (IOException | DistributedException e) {
            // there is nobody to be told
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void answerInPlaceOfStore(DistributedEnvironment environment, String sentence, long end)
            throws IOException {
        try (ServerSocket server = new ServerSocket(environment.masterPort())) {
            int told = 1; // this one knows
            while (told < environment.worldSize()) {
                server.setSoTimeout((int) Math.max(1, (end - System.nanoTime()) / 1_000_000));
                try (Socket socket = server.accept()) {
                    socket.setSoTimeout((int) Math.max(1, Math.min(1_000, (end - System.nanoTime()) / 1_000_000)));
                    if (socket.getInputStream().readNBytes(GREETING_BYTES).length == GREETING_BYTES) {
                        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                        out.writeInt(Integer.reverseBytes(REFUSED));
                        out.writeUTF(sentence);
                        told++;
                    }
                } catch (IOException e) {
                    if (System.nanoTime() > end) {
                        return;
                    }
                }
            }
        }
    }

    /** @return whether it came to a store */
    private static boolean set(DistributedEnvironment environment, String sentence) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(environment.masterAddr(), environment.masterPort()), MILLISECONDS);
            requireStore(socket, environment);
            write(socket, StoreHandshake.path(environment, StoreHandshake.REFUSED), sentence);
            write(socket, StoreHandshake.path(environment, StoreHandshake.goodbye(environment.rank())), "");
            socket.getOutputStream()
                    .write(littleEndian(1 + Integer.BYTES)
                            .put(PING)
                            .putInt(NONCE)
                            .array());
            requireNonce(socket, environment); // it has read what came before
            return true;
        } catch (UnknownHostException | SocketTimeoutException e) {
            throw e;
        } catch (IOException e) {
            return false; // not there yet
        }
    }

    private static void write(Socket socket, String key, String value) throws IOException {
        byte[] name = ("/" + key).getBytes(UTF_8);
        byte[] content = value.getBytes(UTF_8);
        ByteBuffer query = littleEndian(1 + 2 * Long.BYTES + name.length + content.length);
        query.put(SET).putLong(name.length).put(name).putLong(content.length).put(content);
        socket.getOutputStream().write(query.array());
    }
}
