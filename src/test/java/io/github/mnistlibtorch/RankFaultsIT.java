package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.run.Checkpoint;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranks of the packaged jar that are refused, killed, frozen, cut off or too many: what the others say, and how they end. */
@EnabledOnOs(OS.LINUX) // where LibTorch has Gloo
@ExtendWith(LibTorchExtension.class)
class RankFaultsIT {
    /** So many seconds that a rank which waits for them is not done before the test gives up. */
    private static final String LONG = "1000";

    /** On 10,000 images. */
    @TempDir
    private static Path small;

    @TempDir
    private Path folder;

    @BeforeAll
    static void unpack() throws IOException {
        MnistFiles.unpack(small, 12_000, 2_000);
    }

    private static String[] train(String timeout, String schedule, String... more) {
        List<String> command = new ArrayList<>(List.of("train", "--schedule", schedule, "--num-workers", "1"));
        command.addAll(List.of("--master-timeout", timeout));
        command.addAll(List.of(more));
        return MnistFiles.onFew(small, command.toArray(String[]::new));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void whyARankIsRefusedIsToldToTheOthers(int refused) {
        try (Ranks ranks = new Ranks(folder, 3)) {
            for (int rank = 0; rank < 3; rank++) {
                ranks.start(rank, rank == refused ? train(LONG, "1@0.1", "--libtorch", "/nope") : train(LONG, "1@0.1"));
            }
            for (int rank = 0; rank < 3; rank++) {
                if (rank == refused) {
                    DistributedIT.assertEnded(ranks.result(rank), 2, "mnist-libtorch: --libtorch /nope: there is no");
                } else {
                    String words =
                            "mnist-libtorch: rank " + refused + " has been refused: --libtorch /nope: there is no";
                    DistributedIT.assertEnded(ranks.result(rank), 1, words);
                }
            }
        }
    }

    @Test
    void rank0ThatCannotResolveItsAddressTellsTheOthers() {
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(1, train(LONG, "1@0.1"));
            ranks.with("MASTER_ADDR", "no-such-host.invalid").start(0, train(LONG, "1@0.1"));
            DistributedIT.assertEnded(ranks.result(0), 2, "MASTER_ADDR is 'no-such-host.invalid'");
            DistributedIT.assertEnded(
                    ranks.result(1), 1, "rank 0 has been refused: MASTER_ADDR is 'no-such-host.invalid'");
        }
    }

    /** While rank 1 has not come; the second of rank 2 is refused, and nobody waits for rank 1. */
    @Test
    void twoOfOneRankEndAll() {
        try (Ranks ranks = new Ranks(folder, 3)) {
            ranks.start(0, train(LONG, "1@0.1"));
            ranks.start(2, train(LONG, "1@0.1"));
            ranks.with("RANK", "2").start(1, train(LONG, "1@0.1"));
            List<Program.Result> results = ranks.results();
            String reason = "another process has joined as rank 2";
            DistributedIT.assertEnded(results.get(0), 1, "mnist-libtorch: rank 2 has been refused: " + reason);
            assertThat(results.subList(1, 3))
                    .anySatisfy(result -> DistributedIT.assertEnded(result, 2, "mnist-libtorch: " + reason))
                    .anySatisfy(result ->
                            DistributedIT.assertEnded(result, 1, "mnist-libtorch: rank 2 has been refused: " + reason));
        }
    }

    /** A rank that is there already, and one of a larger world, are refused; those that work end as without them. */
    @Test
    void ranksThatComeWhileOthersWorkAreRefused() throws Exception {
        whileTwoRanksWork((ranks, port, train) -> {
            ranks.with("RANK", "1").with("LOCAL_RANK", "1").start(2, train);
            ranks.with("RANK", "2")
                    .with("LOCAL_RANK", "2")
                    .with("WORLD_SIZE", "3")
                    .start(3, train);
            DistributedIT.assertEnded(ranks.result(2), 2, "another process has joined as rank 1");
            DistributedIT.assertEnded(ranks.result(3), 2, "WORLD_SIZE is 2 in rank 0 and 3 in rank 2");
        });
    }

    /** 600 connections of random bytes and of half requests, 100 of which are left open. */
    @Test
    void strangersWhoComeWhileRanksWorkChangeNothing() throws Exception {
        List<Socket> open = new ArrayList<>();
        try {
            whileTwoRanksWork((ranks, port, train) -> {
                Random random = new Random(1);
                for (int i = 0; i < 600; i++) {
                    Socket socket = new Socket("127.0.0.1", port);
                    byte[] bytes = i % 2 == 0 ? new byte[random.nextInt(2_000)] : halfRequest();
                    if (i % 2 == 0) {
                        random.nextBytes(bytes);
                    }
                    try {
                        socket.getOutputStream().write(bytes);
                    } catch (IOException e) {
                        assertThat(e).hasMessageMatching("(?i).*(pipe|reset).*"); // LibTorch has seen enough
                    }
                    if (i % 6 == 1) {
                        open.add(socket);
                    } else {
                        socket.close();
                    }
                }
            });
        } finally {
            for (Socket socket : open) {
                socket.close();
            }
        }
    }

    @FunctionalInterface
    private interface Disturbance {
        void begin(Ranks ranks, int port, String... train) throws Exception;
    }

    /** The two end with the files of a run that nobody disturbs. */
    private void whileTwoRanksWork(Disturbance disturbance) throws Exception {
        String[] train = train(LONG, "100@0.1"); // for longer than it takes a rank to come
        Ranks.run(Files.createDirectory(folder.resolve("alone")), 2, train);
        int port = Ranks.freePort();
        try (Ranks ranks = new Ranks(folder, 4).with("WORLD_SIZE", "2").with("MASTER_PORT", Integer.toString(port))) {
            ranks.start(0, train);
            ranks.start(1, train);
            DistributedIT.await(checkpoint().resolveSibling("checkpoint.previous.pt"));
            disturbance.begin(ranks, port, train);
            for (int rank : new int[] {0, 1}) {
                Program.Result result = ranks.result(rank);
                assertThat(result.exitCode())
                        .as(String.join("\n", result.err()))
                        .isZero();
            }
        }
        for (String name : List.of("checkpoint.pt", "model.pt", "history.json")) {
            assertThat(checkpoint().resolveSibling(name))
                    .hasSameBinaryContentAs(
                            folder.resolve("alone/rank0/mnist-run").resolve(name));
        }
    }

    /** It greets the store, and begins to set a value that it says to have a million bytes. */
    private static byte[] halfRequest() {
        return ByteBuffer.allocate(23)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0)
                .putInt(0x3C85F7CE)
                .put((byte) 1)
                .putLong(1)
                .put((byte) 'k')
                .putLong(1_000_000)
                .array();
    }

    private Path checkpoint() {
        return folder.resolve("rank0/mnist-run/checkpoint.pt");
    }

    /** While rank 2 is still to come. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void rankThatIsKilledBeforeAllHaveComeIsNamed(int killed) throws Exception {
        try (Ranks ranks = new Ranks(folder, 3)) {
            Process[] processes = {ranks.start(0, train(LONG, "1@0.1")), ranks.start(1, train(LONG, "1@0.1"))};
            for (int rank = 0; rank < 2; rank++) {
                while (!Files.readString(folder.resolve("err" + rank)).contains("This is rank")) {
                    Thread.sleep(20);
                }
            }
            Thread.sleep(3_000); // so that they have found each other, most likely; if not, they still end as below
            processes[killed].destroyForcibly();
            ranks.start(2, train("15", "1@0.1"));
            String lost =
                    killed == 0 ? "rank 0 has (been lost|not reached)|has not reached rank 0" : "rank 1 has been lost";
            assertThat(DistributedIT.sentences(ranks.result(1 - killed)))
                    .singleElement()
                    .asString()
                    .containsPattern(lost);
            assertThat(ranks.result(1 - killed).exitCode()).isEqualTo(1);
            assertThat(ranks.result(2).exitCode()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void rankThatIsKilledWhileItTrainsIsNamedByAll(int killed) throws Exception {
        try (Ranks ranks = new Ranks(folder, 3)) {
            List<Process> processes = start(ranks, LONG);
            processes.get(killed).destroyForcibly();
            assertAllName(ranks, killed, "its process has ended");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void rankThatIsFrozenIsNamedByAll(int frozen) throws Exception {
        try (Ranks ranks = new Ranks(folder, 3)) {
            List<Process> processes = start(ranks, "20");
            long pid = processes.get(frozen).pid();
            new ProcessBuilder("kill", "-STOP", Long.toString(pid)).start().waitFor();
            assertAllName(ranks, frozen, "nothing has come from it for 18 s");
        }
    }

    private List<Process> start(Ranks ranks, String timeout) throws Exception {
        List<Process> processes = IntStream.range(0, 3)
                .mapToObj(rank -> ranks.start(rank, train(timeout, "1000@0.1")))
                .toList();
        DistributedIT.await(checkpoint().resolveSibling("checkpoint.previous.pt"));
        return processes;
    }

    private void assertAllName(Ranks ranks, int lost, String how) throws IOException {
        for (int rank = 0; rank < 3; rank++) {
            if (rank != lost) {
                DistributedIT.assertEnded(
                        ranks.result(rank), 1, "mnist-libtorch: rank " + lost + " has been lost: " + how);
            }
        }
        if (lost != 0) {
            assertNothingHalfWritten(folder);
        }
    }

    /** Of a run that has ended in a sentence: the checkpoints are whole, and nothing lies beside what a run writes. */
    static void assertNothingHalfWritten(Path folder) throws IOException {
        Path run = folder.resolve("rank0/mnist-run");
        if (!Files.exists(run)) {
            return;
        }
        try (Stream<Path> files = Files.list(run)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .isSubsetOf("batch.png", "checkpoint.pt", "checkpoint.previous.pt", ".lock");
        }
        for (String name : List.of("checkpoint.pt", "checkpoint.previous.pt")) {
            if (Files.exists(run.resolve(name))) {
                Checkpoint.read(run.resolve(name)).close();
            }
        }
    }

    /** The cable of rank 1 is pulled: no connection closes. */
    @Test
    void rankThatIsCutOffIsNamed() throws Exception {
        try (Networks networks = new Networks(3);
                Ranks ranks = new Ranks(folder, 3).with("MASTER_ADDR", networks.address(0))) {
            for (int rank = 0; rank < 3; rank++) {
                ranks.start(rank, networks.in(rank, Program.command(List.of(), train("20", "1000@0.1"))));
            }
            DistributedIT.await(checkpoint().resolveSibling("checkpoint.previous.pt"));
            networks.cut(1);
            String silent = " has been lost: nothing has come from it for 18 s";
            DistributedIT.assertEnded(ranks.result(0), 1, "rank 1" + silent);
            DistributedIT.assertEnded(ranks.result(1), 1, "rank 0" + silent);
            DistributedIT.assertEnded(ranks.result(2), 1, "rank 1" + silent);
            assertNothingHalfWritten(folder);
        }
    }

    /** A network that delays and drops packets (a token bucket that overflows): slower, with the same numbers. */
    @Test
    void slowNetworkChangesNothing() throws Exception {
        String[] train = train("60", "1@0.1");
        Ranks.run(Files.createDirectory(folder.resolve("fast")), 2, train);
        try (Networks networks = new Networks(2);
                Ranks ranks = new Ranks(folder, 2).with("MASTER_ADDR", networks.address(0))) {
            networks.slowDown("tbf", "rate", "50mbit", "burst", "5kb", "latency", "5ms");
            for (int rank = 0; rank < 2; rank++) {
                ranks.start(rank, networks.in(rank, Program.command(List.of(), train)));
            }
            assertThat(ranks.results())
                    .allSatisfy(result -> assertThat(result.exitCode())
                            .as(String.join("\n", result.err()))
                            .isZero());
            assertThat(networks.dropped()).isPositive();
        }
        assertThat(checkpoint()).hasSameBinaryContentAs(folder.resolve("fast/rank0/mnist-run/checkpoint.pt"));
    }
}
