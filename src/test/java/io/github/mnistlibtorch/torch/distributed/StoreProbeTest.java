package io.github.mnistlibtorch.torch.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who answers in the place of rank 0, and what a rank that does not take part tells the others, without LibTorch. */
@Timeout(120)
class StoreProbeTest {
    private static DistributedEnvironment environment(int rank, int port) {
        return new DistributedEnvironment(
                rank, 2, null, "127.0.0.1", port, false, 0, List.of(), Duration.ofSeconds(60));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Test
    void nobodyAnswers() throws IOException {
        assertThat(StoreProbe.ask(environment(1, freePort()))).isEqualTo(StoreProbe.Answer.NOBODY);
    }

    @Test
    void silence() throws IOException {
        try (ServerSocket silent = new ServerSocket(0)) {
            assertThat(StoreProbe.ask(environment(1, silent.getLocalPort()))).isEqualTo(StoreProbe.Answer.SILENCE);
        }
    }

    @Test
    void anotherServerIsToldFromAStoreAtOnce() throws IOException {
        try (ServerSocket server = new ServerSocket(0)) {
            CompletableFuture<Void> answer = CompletableFuture.runAsync(() -> {
                try (Socket socket = server.accept()) {
                    socket.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes("US-ASCII"));
                    assertThat(socket.getInputStream().readAllBytes()).isNotEmpty();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            assertThatThrownBy(() -> StoreProbe.ask(environment(1, server.getLocalPort())))
                    .isInstanceOf(DistributedException.class)
                    .hasMessageContaining("something else than rank 0 answers at 127.0.0.1:" + server.getLocalPort());
            answer.join();
        }
    }

    @Test
    void rank0ThatIsRefusedTellsTheOthers() throws Exception {
        int port = freePort();
        CompletableFuture<Void> refused =
                CompletableFuture.runAsync(() -> environment(0, port).tellRefused("there is no such folder"));
        assertThatThrownBy(() -> {
                    while (StoreProbe.ask(environment(1, port)) != StoreProbe.Answer.STORE) {
                        Thread.sleep(20);
                    }
                })
                .isInstanceOf(DistributedException.class)
                .hasMessage("rank 0 has been refused: there is no such folder");
        refused.join();
    }

    /** With nobody to tell, a rank does not wait: the host does not resolve. */
    @Test
    void unresolvableHost() {
        DistributedEnvironment lost = new DistributedEnvironment(
                1, 2, null, "no-such-host.invalid", 1, false, 0, List.of(), Duration.ofDays(1));
        lost.tellRefused("MASTER_ADDR does not resolve");
        assertThat(StoreProbe.ask(lost)).isEqualTo(StoreProbe.Answer.NOBODY);
    }
}
