package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.run.Checkpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several processes of the packaged jar that train one model. */
@EnabledOnOs(OS.LINUX) // where LibTorch has Gloo
@ExtendWith(LibTorchExtension.class)
class DistributedIT {
    /** On 10,000 images. */
    @TempDir
    private static Path small;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() throws IOException {
        MnistFiles.unpack(small, 12_000, 2_000);
    }

    private static String[] train() {
        String[] train = {
            "train", "--schedule", "1@0.5,1@0.1", "--dtype", "float64", "--num-workers", "1", "--trace", "t.json"
        };
        return MnistFiles.onFew(small, train);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void allRanksEndWithTheSameWeightsAndTheFirstSpeaks(int worldSize) throws IOException {
        List<Program.Result> results = Ranks.run(folder, worldSize, train());
        for (int rank = 0; rank < worldSize; rank++) {
            Program.Result result = results.get(rank);
            assertThat(result.exitCode()).as(String.join("\n", result.err())).isZero();
            assertThat(result.err().get(0)).startsWith("This is rank " + rank + " of " + worldSize + ", ");
            assertThat(result.out()).hasSize(rank == 0 ? 13 : 0);
            assertThat(files(rank)).contains("t.rank" + rank + ".json").hasSize(rank == 0 ? 2 : 1);
        }
        List<Trace> traces = traces(worldSize);
        assertThat(traces).allSatisfy(trace -> {
            assertThat(trace.finalParameters()).isEqualTo(traces.get(0).finalParameters());
            assertThat(trace.before()).isEqualTo(traces.get(0).before());
            assertThat(trace.nextInt64()).isEqualTo(traces.get(0).nextInt64());
        });
        assertThat(traces.stream().map(trace -> trace.epochs().get(0).batchOrderSha256()))
                .as("each has its own pictures")
                .doesNotHaveDuplicates();

        // Alone, the program evaluates the same weights.
        String[] evaluate = {"evaluate", "--model", "rank0/mnist-run/model.pt", "--split", "val"};
        Program.Result alone = Program.run(folder, MnistFiles.onFew(small, evaluate));
        Trace.Epoch last = traces.get(0).epochs().get(1);
        assertThat(alone.out()).contains("{'val_loss': " + last.valLoss() + ", 'val_acc': " + last.valAcc() + "}");
    }

    /** Of the article's loss: what all ranks have learnt from is one batch. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void averagedGradientsAreThoseOfTheConcatenatedBatch(int worldSize) {
        int steps = 20;
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "io.github.mnistlibtorch.torch.distributed.GradientRank",
                Integer.toString(steps));
        try (Ranks ranks = new Ranks(folder, worldSize)) {
            for (int rank = 0; rank < worldSize; rank++) {
                ranks.start(rank, command);
            }
            List<Program.Result> results = ranks.results();
            assertThat(results)
                    .allSatisfy(result -> assertThat(result.exitCode())
                            .as(String.join("\n", result.err()))
                            .isZero());
            assertThat(results.get(0).out())
                    .hasSize(steps)
                    .allSatisfy(line -> assertThat(Double.parseDouble(line.substring("distance ".length())))
                            .isBetween(0.0, 1e-12));
        }
    }

    /** Each rank's statistics are those of its own batch until all take those of rank 0, as after every epoch. */
    @Test
    void buffersAreThoseOfRankZero() {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "io.github.mnistlibtorch.torch.distributed.BatchNormRank");
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(0, command);
            ranks.start(1, command);
            List<Program.Result> results = ranks.results();
            assertThat(results)
                    .allSatisfy(result -> assertThat(result.exitCode())
                            .as(String.join("\n", result.err()))
                            .isZero());
            List<List<String>> tensors = results.stream()
                    .map(result -> result.out().stream()
                            .filter(line -> line.matches("(norm|linear)\\..*"))
                            .toList())
                    .toList();
            assertThat(tensors.get(0)).hasSize(14).isEqualTo(tensors.get(1)).contains("norm.num_batches_tracked 4.0");
            List<String> own = results.stream()
                    .flatMap(result -> result.out().stream().filter(line -> line.startsWith("own")))
                    .toList();
            assertThat(own).hasSize(2).doesNotHaveDuplicates();
        }
    }

    /** Each in a network of its own, as on machines of their own; what they compute is the same. */
    @ParameterizedTest
    @ValueSource(strings = {"its address", "localhost"})
    void ranksWithAddressesOfTheirOwn(String rank0CallsItself) throws IOException {
        int worldSize = 3;
        Ranks.run(Files.createDirectory(folder.resolve("here")), worldSize, train());
        try (Networks networks = new Networks(worldSize);
                Ranks ranks = new Ranks(folder, worldSize)) {
            for (int rank = 0; rank < worldSize; rank++) {
                String master = rank == 0 && rank0CallsItself.equals("localhost") ? "localhost" : networks.address(0);
                ranks.with("MASTER_ADDR", master).start(rank, networks.in(rank, Program.command(List.of(), train())));
            }
            assertThat(ranks.results())
                    .allSatisfy(result -> assertThat(result.exitCode())
                            .as(String.join("\n", result.err()))
                            .isZero());
        }
        for (int rank = 0; rank < worldSize; rank++) {
            String trace = "rank" + rank + "/t.rank" + rank + ".json";
            assertThat(folder.resolve(trace))
                    .hasSameBinaryContentAs(folder.resolve("here").resolve(trace));
        }
    }

    @Test
    void aKilledRankStopsTheOthersAndAResumedRunEndsAsIfNothingHadBeen() throws Exception {
        String[] train = {"train", "--schedule", "2@0.5,2@0.1", "--optimizer", "momentum", "--num-workers", "1"};
        Ranks.run(Files.createDirectory(folder.resolve("whole")), 3, train);
        Path run = folder.resolve("rank0/mnist-run");
        try (Ranks ranks = new Ranks(folder, 3)) {
            List<Process> processes = IntStream.range(0, 3)
                    .mapToObj(rank -> ranks.start(rank, train))
                    .toList();
            await(run.resolve("checkpoint.previous.pt"));
            processes.get(1).destroyForcibly();
            for (int rank : new int[] {0, 2}) {
                Program.Result result = ranks.result(rank);
                assertThat(result.exitCode()).isEqualTo(1);
                assertThat(sentences(result))
                        .singleElement()
                        .asString()
                        .contains(
                                "mnist-libtorch: rank 1 has been lost: its process has ended",
                                rank == 0
                                        ? "to go on, start all ranks with --resume mnist-run/checkpoint.pt"
                                        : "rank 0 says how to go on");
            }
        }
        Path file = run.resolve("checkpoint.pt");
        try (Checkpoint checkpoint = Checkpoint.read(file)) {
            assertThat(checkpoint.epochs()).isBetween(1, 3);
        }
        Program.Result alone =
                Program.run(folder, "train", "--resume", "rank0/mnist-run/checkpoint.pt", "--num-workers", "1");
        alone.assertRefused("was trained by a group with WORLD_SIZE 3, not by one process alone");
        // Of the checkpoint, the others have no copy.
        String[] resume = {"train", "--resume", "mnist-run/checkpoint.pt", "--num-workers", "1"};
        List<Program.Result> resumed = Ranks.run(folder, 3, resume);
        assertThat(resumed)
                .allSatisfy(result -> assertThat(result.exitCode())
                        .as(String.join("\n", result.err()))
                        .isZero());
        assertThat(Files.readString(run.resolve("report.html")))
                .contains("torchrun --nproc-per-node 3 --no-python java -jar mnist-libtorch.jar train --seed 42");
        for (String name : List.of("checkpoint.pt", "model.pt", "history.json", "loss.png")) {
            assertThat(run.resolve(name))
                    .hasSameBinaryContentAs(
                            folder.resolve("whole/rank0/mnist-run").resolve(name));
        }
    }

    @Test
    void aFrozenRankIsNotWaitedForLongerThanAsked() throws Exception {
        String[] train = {"train", "--schedule", "100@0.1", "--num-workers", "1", "--master-timeout", "5"};
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(0, train);
            Process other = ranks.start(1, train);
            await(folder.resolve("rank0/mnist-run/checkpoint.previous.pt"));
            new ProcessBuilder("kill", "-STOP", Long.toString(other.pid()))
                    .start()
                    .waitFor();
            assertEnded(ranks.result(0), 1, "rank 1 has been lost: nothing has come from it for 4 s");
        }
    }

    @Test
    void interruptedRanksSayHowToGoOn() throws Exception {
        String[] train = {"train", "--schedule", "100@0.1", "--num-workers", "1"};
        try (Ranks ranks = new Ranks(folder, 2)) {
            List<Process> processes = IntStream.range(0, 2)
                    .mapToObj(rank -> ranks.start(rank, train))
                    .toList();
            await(folder.resolve("rank0/mnist-run/checkpoint.previous.pt"));
            processes.forEach(Process::destroy);
            assertThat(ranks.results()).allSatisfy(result -> {
                assertThat(result.exitCode()).isEqualTo(130);
                assertThat(sentences(result))
                        .hasSize(2)
                        .anyMatch(line -> line.startsWith("Ending after this step"))
                        .anyMatch(line -> line.startsWith("mnist-libtorch: interrupted"));
            });
            assertThat(sentences(ranks.result(0)))
                    .last()
                    .asString()
                    .contains(" train --resume mnist-run/checkpoint.pt");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--seed 2 --batch-size 64 | --seed is 42 in rank 0 and 2 in rank 1; --batch-size is 128 in rank 0 and 64 in rank 1",
                "--data DATA | --data is 60000 pictures (CRC-32 ",
                "--dry-run | --dry-run is not given in rank 0 and given in rank 1",
            })
    void ranksThatAreNotAlikeAreRefused(String options, String difference) throws IOException {
        Path data = withAnotherLabel();
        List<String> other = new ArrayList<>(List.of("train", "--val-size", "1", "--master-timeout", "20"));
        other.addAll(List.of(options.replace("DATA", data.toString()).split(" ")));
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(0, "train", "--val-size", "1", "--master-timeout", "20");
            ranks.start(1, other.toArray(String[]::new));
            assertThat(ranks.results()).allSatisfy(result -> {
                assertThat(result.out()).isEmpty();
                assertEnded(result, 2, difference);
            });
        }
        assertThat(files(0)).isEmpty();
    }

    @Test
    void anotherVersionOfTheProgramIsRefused() throws IOException {
        // Of the same name, so that it finds its libraries unpacked.
        Path other = Files.createDirectory(folder.resolve("other")).resolve(Program.JAR.getFileName());
        Files.copy(Program.JAR, other, StandardCopyOption.COPY_ATTRIBUTES);
        try (FileSystem jar = FileSystems.newFileSystem(other)) {
            Path manifest = jar.getPath("META-INF/MANIFEST.MF");
            Files.writeString(
                    manifest,
                    Files.readString(manifest)
                            .replaceFirst("Implementation-Version: .*", "Implementation-Version: 0.0.1"));
        }
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(0, "train");
            List<String> command = Program.command(List.of(), "train").stream()
                    .map(word -> word.equals(Program.JAR.toString()) ? other.toString() : word)
                    .toList();
            ranks.start(1, command);
            assertThat(ranks.results())
                    .allSatisfy(result -> assertEnded(result, 2, "the version is ", " and 0.0.1 in rank 1"));
        }
    }

    @Test
    void worldsOfDifferentSizesAreRefusedWithoutWaitingForThoseThatNobodyStarts() {
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(0, "train");
            ranks.with("WORLD_SIZE", "3").start(1, "train");
            assertThat(ranks.results())
                    .allSatisfy(result -> assertEnded(result, 2, "WORLD_SIZE is 2 in rank 0 and 3 in rank 1"));
        }
    }

    @Test
    void aRankThatDoesNotComeIsNamed() {
        try (Ranks ranks = new Ranks(folder, 3)) {
            ranks.start(0, "train", "--master-timeout", "4");
            ranks.start(1, "train", "--master-timeout", "4");
            assertEnded(ranks.result(0), 1, "rank 2 of 3 has not come", "within 4 s");
            assertEnded(ranks.result(1), 1, "rank 2 of 3 has not come", "within 4 s");
        }
    }

    @Test
    void aMasterThatIsNotThereIsNotWaitedForLongerThanAsked() {
        try (Ranks ranks = new Ranks(folder, 2)) {
            ranks.start(1, "train", "--master-timeout", "3");
            assertEnded(ranks.result(1), 1, "has not reached rank 0 at 127.0.0.1:", "within 3 s");
        }
    }

    /** It would wait for an answer for ever. */
    @Test
    void whoeverElseAnswersInThePlaceOfTheMasterIsNotWaitedForLongerThanAsked() throws IOException {
        try (ServerSocket silent = new ServerSocket(0);
                Ranks ranks = new Ranks(folder, 2).with("MASTER_PORT", Integer.toString(silent.getLocalPort()))) {
            ranks.start(1, "train", "--master-timeout", "3");
            assertEnded(ranks.result(1), 1, "something else than rank 0 answers at 127.0.0.1:" + silent.getLocalPort());
        }
    }

    @Test
    void aPortInUseIsRefused() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("0.0.0.0"));
                Ranks ranks = new Ranks(folder, 2).with("MASTER_PORT", Integer.toString(taken.getLocalPort()))) {
            ranks.start(0, "train");
            assertEnded(ranks.result(0), 2, "port " + taken.getLocalPort() + " is in use", "MASTER_PORT");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "RANK | 2 | RANK is '2', but must be a whole number from 0 to 1, as WORLD_SIZE is 2",
                "RANK | one | RANK is 'one'",
                "WORLD_SIZE | 0 | WORLD_SIZE is '0'",
                "MASTER_PORT | 70000 | MASTER_PORT is '70000'",
                "MASTER_PORT | '' | MASTER_PORT is not; set RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT",
                "GLOO_SOCKET_IFNAME | nope0 | GLOO_SOCKET_IFNAME names 'nope0', and this machine has no such network interface",
                "MASTER_ADDR | no-such-host.invalid | MASTER_ADDR is 'no-such-host.invalid', which does not resolve",
            })
    void whatTheEnvironmentSaysMustMakeSense(String variable, String value, String words) {
        try (Ranks ranks = new Ranks(folder, 2).with(variable, value)) {
            ranks.start(0, "train");
            assertEnded(ranks.result(0), 2, words);
        }
    }

    /** The program's own data, but for one label. */
    private Path withAnotherLabel() throws IOException {
        Path data = folder.resolve("data");
        MnistFiles.unpack(data);
        Path labels = data.resolve("MNIST/raw/train-labels-idx1-ubyte");
        byte[] bytes = Files.readAllBytes(labels);
        bytes[bytes.length - 1] ^= 1;
        Files.write(labels, bytes);
        return data;
    }

    private List<Trace> traces(int worldSize) throws IOException {
        List<Trace> traces = new ArrayList<>();
        for (int rank = 0; rank < worldSize; rank++) {
            traces.add(TraceFile.read(folder.resolve("rank" + rank + "/t.rank" + rank + ".json")));
        }
        return traces;
    }

    private List<String> files(int rank) throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("rank" + rank))) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    static void assertEnded(Program.Result result, int exitCode, String... words) {
        assertThat(sentences(result)).singleElement().asString().contains(words);
        assertThat(result.exitCode()).isEqualTo(exitCode);
    }

    /** What it says of the end; the rest is progress, warnings and its place. */
    static List<String> sentences(Program.Result result) {
        return result.err().stream()
                .filter(line -> !line.startsWith("warning: ")
                        && !line.startsWith("This is rank ")
                        && !line.matches("\\d+ of \\d+ epochs done, .*"))
                .toList();
    }

    static void await(Path file) throws InterruptedException {
        long end = System.nanoTime() + 120_000_000_000L;
        while (!Files.exists(file)) {
            assertThat(System.nanoTime()).as(file + " does not come").isLessThan(end);
            Thread.sleep(20);
        }
    }
}
