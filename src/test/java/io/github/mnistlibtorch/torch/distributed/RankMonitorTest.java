package io.github.mnistlibtorch.torch.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who is told what when a rank goes, and that nobody is listened to who does not know the token. */
@Timeout(120)
class RankMonitorTest {
    private static final Duration LONG = Duration.ofSeconds(100);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static int port(RankMonitor host) {
        return Integer.parseInt(host.announcement().split(" ", 2)[0]);
    }

    private static byte[] token(RankMonitor host) {
        return HexFormat.of().parseHex(host.announcement().split(" ", 2)[1]);
    }

    private static RankMonitor join(int rank, RankMonitor host) throws IOException {
        return RankMonitor.join(rank, "localhost", host.announcement(), LONG);
    }

    /** A rank that says no more than that it is there. */
    private static Socket silentRank(int rank, RankMonitor host) throws IOException {
        Socket socket = new Socket("localhost", port(host));
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.write(token(host));
        out.writeInt(rank);
        assertThat(socket.getInputStream().readNBytes(2)).containsExactly(0, 0); // an empty text: it is taken
        return socket;
    }

    @Test
    void closedConnectionNamesTheRankToAll() throws IOException {
        try (RankMonitor host = RankMonitor.host(LONG);
                RankMonitor first = join(1, host);
                Socket second = silentRank(2, host)) {
            second.close();
            String cause = "rank 2 has been lost: its process has ended, or the network was cut";
            assertThat(host.awaitCause(PATIENCE)).isEqualTo(cause);
            assertThat(first.awaitCause(PATIENCE)).isEqualTo(cause);
        }
    }

    /** It ends as soon as it knows, as its training does. */
    @Test
    void rank0TellsTheOthersBeforeItGoes() throws IOException {
        try (RankMonitor host = RankMonitor.host(LONG);
                RankMonitor first = join(1, host);
                Socket second = silentRank(2, host)) {
            host.cause().thenRun(host::close);
            second.close();
            assertThat(first.awaitCause(PATIENCE))
                    .isEqualTo("rank 2 has been lost: its process has ended, or the network was cut");
        }
    }

    @Test
    void silentRankIsNamedToAll() throws IOException {
        try (RankMonitor host = RankMonitor.host(Duration.ofMillis(400));
                RankMonitor first = RankMonitor.join(1, "localhost", host.announcement(), Duration.ofMillis(400));
                Socket second = silentRank(2, host)) {
            assertThat(second.isConnected()).isTrue();
            String cause = "rank 2 has been lost: nothing has come from it for 0.4 s";
            assertThat(host.awaitCause(PATIENCE)).isEqualTo(cause);
            assertThat(first.awaitCause(PATIENCE)).isEqualTo(cause);
        }
    }

    @Test
    void silentRank0IsNamed() throws IOException {
        try (RankMonitor host = RankMonitor.host(LONG); // which says something every ten seconds
                RankMonitor first = RankMonitor.join(1, "localhost", host.announcement(), Duration.ofMillis(400))) {
            assertThat(first.awaitCause(PATIENCE))
                    .isEqualTo("rank 0 has been lost: nothing has come from it for 0.4 s");
            assertThat(host.cause()).isNotDone();
        }
    }

    @Test
    void reasonOfTheRankThatFailsFirstIsThatOfAll() throws IOException {
        try (RankMonitor host = RankMonitor.host(LONG);
                RankMonitor first = join(1, host);
                RankMonitor second = join(2, host)) {
            second.fail("rank 2 has failed: its disk is full");
            assertThat(first.awaitCause(PATIENCE)).isEqualTo("rank 2 has failed: its disk is full");
            first.fail("rank 1 has failed: it lost rank 2");
            assertThat(host.awaitCause(PATIENCE)).isEqualTo("rank 2 has failed: its disk is full");
            assertThat(first.awaitCause(PATIENCE)).isEqualTo("rank 2 has failed: its disk is full");
        }
    }

    @Test
    void rankThatIsDoneIsNotLost() throws Exception {
        try (RankMonitor host = RankMonitor.host(LONG);
                RankMonitor second = join(2, host)) {
            join(1, host).close();
            while (!host.hasLeft(1)) {
                Thread.sleep(1);
            }
            assertThat(host.cause()).isNotDone();
            assertThat(host.hasLeft(2)).isFalse();
            host.close();
            while (!second.hasLeft(0)) {
                Thread.sleep(1);
            }
            assertThat(second.cause()).isNotDone();
        }
    }

    /** 200 strangers with random bytes, or nothing to say, beside which a rank comes. */
    @Test
    void strangersAreNotListenedTo() throws Exception {
        Random random = new Random(1);
        List<Socket> strangers = new ArrayList<>();
        try (RankMonitor host = RankMonitor.host(LONG)) {
            for (int i = 0; i < 200; i++) {
                Socket stranger = new Socket("localhost", port(host));
                strangers.add(stranger);
                byte[] bytes = new byte[random.nextInt(40)];
                random.nextBytes(bytes);
                try {
                    stranger.getOutputStream().write(bytes);
                } catch (IOException e) {
                    assertThat(e).hasMessageContaining("pipe"); // it was one too many
                }
            }
            Socket almost = new Socket("localhost", port(host));
            strangers.add(almost);
            byte[] wrong = token(host);
            wrong[15] ^= 1;
            DataOutputStream out = new DataOutputStream(almost.getOutputStream());
            out.write(wrong);
            out.writeInt(1);
            RankMonitor first = null;
            while (first == null) {
                try {
                    first = join(1, host);
                } catch (IOException e) {
                    Thread.sleep(50); // too many strangers; as a rank does
                }
            }
            try (RankMonitor joined = first) {
                joined.fail("rank 1 has failed: truly");
                assertThat(host.awaitCause(PATIENCE)).isEqualTo("rank 1 has failed: truly");
            }
            assertThat(host.hasLeft(0)).isFalse();
        } finally {
            for (Socket stranger : strangers) {
                stranger.close();
            }
        }
    }

    @Test
    void secondOfOneRankIsNotTaken() throws IOException {
        try (RankMonitor host = RankMonitor.host(LONG);
                RankMonitor first = join(1, host)) {
            assertThatThrownBy(() -> join(1, host)).isInstanceOf(IOException.class);
            assertThat(host.cause()).isNotDone();
            assertThat(first.cause()).isNotDone();
        }
    }

    @Test
    void closedPortTakesNobody() throws IOException {
        try (RankMonitor host = RankMonitor.host(LONG)) {
            String announcement = host.announcement();
            host.closePort();
            assertThatThrownBy(() -> RankMonitor.join(1, "localhost", announcement, LONG))
                    .isInstanceOf(IOException.class);
        }
    }
}
