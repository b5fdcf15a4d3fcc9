package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code train --resume}, and what Ctrl-C leaves behind. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "signals are sent with kill")
class CheckpointIT {
    private static final List<String> RESULTS =
            List.of("checkpoint.pt", "model.pt", "model.safetensors", "history.json", "loss.png", "batch.png");

    private static final String SCHEDULE = "--schedule=2@0.5,2@0.1";

    /** A guard against a hang, not a measure. */
    private static final int MINUTES = 2;

    @TempDir
    private static Path whole;

    private static Program.Result uninterrupted;

    @TempDir
    private Path folder;

    @BeforeAll
    static void run() {
        uninterrupted = Program.run(whole, "train", SCHEDULE, "--out=out");
        assertThat(uninterrupted.exitCode()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"INT,Epoch [0]", "TERM,Epoch [0]", "INT,[{'val_loss'", "TERM,Epoch [1]"})
    void aSignalEndsTheRunAndResumeGoesOnWithIt(String signal, String after) throws Exception {
        assumeFalse(isIgnored(signal), "signal " + signal + " is ignored here, as by a job in the background");
        Process process = start("train", SCHEDULE, "--out=out", "--num-workers=2");
        awaitLine(process, after);
        kill(process, signal);
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).isEqualTo(130);
        String hint = "mnist-libtorch: interrupted; to go on: ";
        String last = lines("err").get(lines("err").size() - 1);
        assertThat(last)
                .isEqualTo(hint + "java -jar " + Program.JAR + " train --resume out/checkpoint.pt --num-workers 2");
        assertThat(folder.resolve("out/model.pt")).doesNotExist();

        String path = Path.of(System.getProperty("java.home"), "bin") + ":" + System.getenv("PATH");
        Program.Result resumed =
                Program.run(folder, Map.of("PATH", path), List.of("sh", "-c", last.substring(hint.length())));
        assertThat(resumed.exitCode()).as(String.join("\n", resumed.err())).isZero();
        assertThat(resumed.out()).isEqualTo(uninterrupted.out());
        assertThat(resumed.err())
                .anyMatch(line -> line.matches("Going on after \\d of 4 epochs, from out/checkpoint.pt\\."));
        assertSameResults();
    }

    /** A step of this network takes seconds. */
    @Test
    void aSecondSignalEndsItAtOnce() throws Exception {
        Process process = start(
                "train", "--schedule=1@0.1", "--hidden-size=1000", "--batch-size=59000", "--val-size=100", "--out=out");
        awaitLine(process, "[{'val_loss'");
        Path checkpoint = folder.resolve("out/checkpoint.pt");
        for (int i = 0; i < 1_000 && !Files.exists(checkpoint); i++) {
            Thread.sleep(10);
        }
        kill(process, "TERM");
        Thread.sleep(200);
        assertThat(process.isAlive()).as("in the middle of a step").isTrue();
        kill(process, "TERM");
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).isEqualTo(130);
        assertThat(lines("err")).noneMatch(line -> line.contains("interrupted"));
        assertThat(checkpoint).isNotEmptyFile();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--seed=42", "--schedule=2@5e-1,2@0.1", "--num-workers=0", "--optimizer=SGD"})
    void aFinishedRunIsFinishedAgain(String option) throws IOException {
        Files.createDirectory(folder.resolve("out"));
        Files.copy(whole.resolve("out/checkpoint.pt"), folder.resolve("out/checkpoint.pt"));
        List<String> arguments = new ArrayList<>(List.of("train", "--resume=out/checkpoint.pt"));
        if (!option.isEmpty()) {
            arguments.add(option);
        }
        Program.Result again = Program.run(folder, arguments.toArray(String[]::new));
        assertThat(again.exitCode()).as(String.join("\n", again.err())).isZero();
        assertThat(again.out()).isEqualTo(uninterrupted.out());
        assertSameResults();
    }

    @Test
    void whatMayChangeTheLastDigitsIsSaid() throws IOException {
        Files.createDirectory(folder.resolve("out"));
        Files.copy(whole.resolve("out/checkpoint.pt"), folder.resolve("out/checkpoint.pt"));
        Program.Result again = Program.run(
                folder.resolve("out"),
                Map.of("OPENBLAS_CORETYPE", "Nehalem"),
                "train",
                "--resume=checkpoint.pt",
                "--threads=2");
        assertThat(again.exitCode()).as(String.join("\n", again.err())).isZero();
        assertThat(again.err())
                .contains(
                        "warning: threads was 1 and is 2 now: the last digits may differ from those of a run without an"
                                + " interruption");
        assertThat(again.err())
                .anyMatch(
                        line -> line.matches(
                                "warning: kernel_variables was .* and is OPENBLAS_CORETYPE=Nehalem( OPENBLAS_L2_SIZE=\\d+)? now: .*"));
        assertThat(folder.resolve("out/model.pt")).isNotEmptyFile();
    }

    @Test
    void signalsMayBeLeftToTheSystem() {
        List<String> command = Program.command(List.of("-Xrs"), "train", "--schedule=1@0.1");
        Program.Result run = Program.run(folder, Map.of(), command);
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
    }

    @Test
    void anotherConfigurationIsRefusedWithAllThatDiffers() throws IOException {
        Path data = Files.createDirectory(folder.resolve("data"));
        for (String file : List.of("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")) {
            for (String part : List.of("train-", "t10k-")) {
                try (InputStream in = CheckpointIT.class.getResourceAsStream("/mnist/t10k-" + file)) {
                    Files.copy(Objects.requireNonNull(in), data.resolve(part + file));
                }
            }
        }
        Program.run(
                        folder,
                        "train",
                        "--resume=" + whole.resolve("out/checkpoint.pt"),
                        "--out=other",
                        "--seed=7",
                        "--schedule=2@0.5,3@0.2",
                        "--optimizer=adam",
                        "--val-size=500",
                        "--data=data")
                .assertRefused(
                        "out/checkpoint.pt was trained with --seed 42, with --val-size 10000, with --optimizer sgd,"
                                + " with --schedule 2@0.5,2@0.1, on --data of 60000 pictures (CRC-32 ",
                        "; go on with the same, or begin a new run without --resume");
        assertThat(folder.resolve("other")).doesNotExist();
    }

    @Test
    void whatCannotGoOnIsRefused() throws IOException {
        String checkpoint = "--resume=" + whole.resolve("out/checkpoint.pt");
        refused("--resume=nowhere.pt").assertRefused("nowhere.pt is not a file; begin again without --resume");
        refused("--resume=.").assertRefused(". is not a file");
        refused("--resume=" + whole.resolve("out/model.pt")).assertRefused("it lacks \"format_version\"");
        refused(checkpoint, "--dry-run").assertRefused("--dry-run is for a run from its beginning");
        refused(checkpoint, "--trace=t.json").assertRefused("--trace is for a run from its beginning");
    }

    @Test
    void theOneBeforeIsOfferedForADamagedOne() throws IOException {
        Path out = Files.createDirectory(folder.resolve("out"));
        byte[] damaged = Files.readAllBytes(whole.resolve("out/checkpoint.pt"));
        damaged[damaged.length / 2] ^= 1;
        Files.write(out.resolve("checkpoint.pt"), damaged);
        Files.copy(whole.resolve("out/checkpoint.previous.pt"), out.resolve("checkpoint.previous.pt"));
        refused("--resume=out/checkpoint.pt")
                .assertRefused("are damaged; the one before it is good: --resume out/checkpoint.previous.pt");
        Program.Result resumed = Program.run(folder, "train", "--resume=out/checkpoint.previous.pt");
        assertThat(resumed.exitCode()).as(String.join("\n", resumed.err())).isZero();
        assertThat(resumed.out()).isEqualTo(uninterrupted.out());
        assertSameResults();
    }

    @Test
    void aNewRunSetsAnUnfinishedOneAside() throws Exception {
        Process process = start("train", SCHEDULE, "--out=out");
        awaitLine(process, "Epoch [0]");
        kill(process, "TERM");
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        byte[] unfinished = Files.readAllBytes(folder.resolve("out/checkpoint.pt"));

        Program.Result other = Program.run(folder, "train", "--schedule=1@0.5", "--seed=1", "--out=out");
        assertThat(other.exitCode()).as(String.join("\n", other.err())).isZero();
        assertThat(other.err())
                .contains("An unfinished run is in the way; to go on with it later: java -jar " + Program.JAR
                        + " train --resume" + " out/checkpoint.unfinished.pt");
        assertThat(folder.resolve("out/checkpoint.unfinished.pt")).hasBinaryContent(unfinished);

        Program.Result third = Program.run(folder, "train", "--schedule=1@0.5", "--out=out");
        assertThat(third.err()).noneMatch(line -> line.contains("unfinished"));
        Program.Result resumed = Program.run(folder, "train", "--resume=out/checkpoint.unfinished.pt");
        assertThat(resumed.out()).isEqualTo(uninterrupted.out());
        assertSameResults();
    }

    @Test
    void aFinishedRunThatIsResumedWritesItsResultsAgain() {
        Program.Result finished = Program.run(folder, "train", "--schedule=1@0.5", "--out=out");
        Program.Result again = Program.run(folder, "train", "--resume=out/checkpoint.pt");
        assertThat(again.err()).contains("Every epoch is done in out/checkpoint.pt; the results are written again.");
        assertThat(again.out()).isEqualTo(finished.out());
    }

    /** The weights before those that have become NaN are not lost. */
    @Test
    void theLastGoodCheckpointStaysWhenTheLossIsNoNumber() {
        Program.Result diverged = Program.run(folder, "train", "--schedule=1@0.5,1@1e30", "--out=out");
        assertThat(diverged.exitCode()).isEqualTo(1);
        Program.Result again = Program.run(folder, "train", "--resume=out/checkpoint.pt");
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.err()).contains("Going on after 1 of 2 epochs, from out/checkpoint.pt.");
        assertThat(again.out()).isEqualTo(diverged.out());
    }

    private Program.Result refused(String... options) {
        List<String> arguments = new ArrayList<>(List.of("train"));
        arguments.addAll(Arrays.asList(options));
        return Program.run(folder, arguments.toArray(String[]::new));
    }

    /** Both ended with 0, and the second had replaced the weights of the first. */
    @Test
    void aFolderIsOfOneRunAtATime() throws Exception {
        Process first = start("train", "--schedule=500@0.1");
        awaitLine(first, "Epoch [1]");
        Program.Result same = Program.run(folder, "train", "--schedule=1@0.1", "--out=mnist-run");
        assertThat(same.exitCode()).isEqualTo(2);
        assertThat(same.err())
                .last()
                .isEqualTo("mnist-libtorch: another run is writing to mnist-run; wait for its end, or choose another"
                        + " --out");
        Program.Result resumed = Program.run(folder, "train", "--resume=mnist-run/checkpoint.pt", "--out=other");
        assertThat(resumed.exitCode()).isEqualTo(2);
        assertThat(resumed.err())
                .singleElement()
                .isEqualTo("mnist-libtorch: mnist-run/checkpoint.pt is of a run that is still going on; wait for its"
                        + " end, or interrupt it");
        Program.Result swept = Program.run(folder, "sweep", "--schedule=1@0.1", "--out=mnist-run");
        assertThat(swept.exitCode()).isEqualTo(2);

        // Where no folder was asked for, there is another.
        Program.Result beside = Program.run(folder, "train", "--schedule=1@0.1");
        assertThat(beside.exitCode()).isZero();
        assertThat(folder.resolve("mnist-run-2/model.pt")).isNotEmptyFile();
        assertThat(folder.resolve("mnist-run/model.pt")).doesNotExist();

        // A process that is killed leaves nothing that is in the way.
        first.destroyForcibly().waitFor();
        Program.Result next = Program.run(folder, "train", "--schedule=1@0.1", "--out=mnist-run");
        assertThat(next.exitCode()).as(String.join("\n", next.err())).isZero();
        try (Stream<Path> files = Files.list(folder.resolve("mnist-run"))) {
            assertThat(files.map(file -> file.getFileName().toString())).noneMatch(name -> name.startsWith("."));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"removed", "file", "pipe", "link", "folder", "link to a folder"})
    void aFolderThatIsGoneEndsTheRunInOneSentence(String instead) throws Exception {
        Path another = Files.createDirectory(folder.resolve("another"));
        Process process = start("train", "--schedule=500@0.1", "--out=out");
        awaitLine(process, "Epoch [0]");
        Path out = folder.resolve("out");
        awaitNextCheckpoint(process, out); // so that an epoch is left until that after it
        Files.move(out, folder.resolve("moved"));
        switch (instead) {
            case "file" -> Files.createFile(out);
            case "pipe" -> assumeTrue(Disk.shell("mkfifo", out.toString()) == 0, "no pipe can be made here");
            case "link" -> Files.createSymbolicLink(out, folder.resolve("nowhere"));
            case "folder" -> Files.move(another, out);
            case "link to a folder" -> Files.createSymbolicLink(out, another);
            default -> {}
        }
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).isEqualTo(1);
        assertThat(lastError()) // the second, if it was just writing
                .matches("mnist-libtorch: out( is no longer the folder that this run began to write to; put that one"
                        + " back,|/checkpoint.pt cannot be written \\(.+\\);.*) .*choose another --out");
        if (instead.endsWith("folder")) {
            assertThat(out).as("which may be of another run").isEmptyDirectory();
        }
        assertIsWhole("moved/checkpoint.pt");
    }

    /** What is at the place of the last checkpoint is replaced, and not written through. */
    @ParameterizedTest
    @ValueSource(strings = {"pipe", "link"})
    void anotherThingInPlaceOfTheCheckpointIsReplaced(String instead) throws Exception {
        Path other = Files.writeString(folder.resolve("other"), "of somebody else");
        Process process = start("train", SCHEDULE, "--out=out");
        awaitLine(process, "Epoch [0]");
        Path checkpoint = folder.resolve("out/checkpoint.pt");
        if (instead.equals("pipe")) {
            Path pipe = folder.resolve("pipe");
            assumeTrue(Disk.shell("mkfifo", pipe.toString()) == 0, "no pipe can be made here");
            Files.move(pipe, checkpoint, StandardCopyOption.ATOMIC_MOVE);
        } else {
            Path link = Files.createSymbolicLink(folder.resolve("link"), other);
            Files.move(link, checkpoint, StandardCopyOption.ATOMIC_MOVE);
        }
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(lastError()).isZero();
        assertSameResults();
        assertThat(other).hasContent("of somebody else");
    }

    @ParameterizedTest
    @CsvSource({
        "full, No space left on device",
        "out of inodes, No space left on device",
        "read-only, Read-only file system"
    })
    void aDiskThatTakesNoMoreEndsTheRunInOneSentence(String disk, String reason) throws Exception {
        Path mounted = Files.createDirectory(folder.resolve("disk"));
        assumeTrue(
                Disk.shell("mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=50", "tmpfs", mounted.toString()) == 0,
                "a small file system cannot be mounted here");
        Path out = mounted.resolve("out");
        try {
            Process process = start("train", "--schedule=500@0.1", "--out=disk/out");
            awaitLine(process, "Epoch [0]");
            awaitNextCheckpoint(process, out);
            switch (disk) {
                case "full" -> Disk.fill(mounted.resolve("filler"));
                case "out of inodes" ->
                    assertThatThrownBy(() -> {
                                for (int i = 0; ; i++) {
                                    Files.createFile(mounted.resolve("filler" + i));
                                }
                            })
                            .hasMessageContaining(reason);
                default -> {
                    // A second mount of the same folder, as the first has a file that is open.
                    assertThat(Disk.shell("mount", "--bind", out.toString(), out.toString()))
                            .isZero();
                    assertThat(Disk.shell("mount", "-o", "remount,bind,ro", out.toString()))
                            .isZero();
                }
            }
            assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue()).isEqualTo(1);
            assertThat(lastError())
                    .isEqualTo("mnist-libtorch: disk/out/checkpoint.pt cannot be written (" + reason
                            + "); when that is mended, go on with --resume disk/out/checkpoint.pt");
            assertIsWhole("disk/out/checkpoint.pt");
            try (Stream<Path> files = Files.list(out)) {
                assertThat(files.map(file -> file.getFileName().toString())).noneMatch(name -> name.endsWith(".part"));
            }
            if (disk.equals("read-only")) { // on the others the run that has ended has left a little room
                Program.run(folder, "train", "--schedule=1@0.1", "--out=disk/out")
                        .assertRefused("cannot write to the folder disk/out (" + reason + "); choose another --out");
            }
        } finally {
            if (disk.equals("read-only")) {
                Disk.shell("umount", out.toString());
            }
            assertThat(Disk.shell("umount", mounted.toString())).isZero();
        }
    }

    /** A disk that fails when what is written has to reach it; the message was "Input/output error". */
    @Test
    void aDiskThatFailsIsSaidWithTheFile() throws Exception {
        Path fault = folder.resolve("fault");
        Map<String, String> environment = faults("FAULT_FSYNC", fault);
        Process process = start(environment, "train", SCHEDULE, "--out=out");
        awaitLine(process, "Epoch [0]");
        Files.createFile(fault);
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).isEqualTo(1);
        assertThat(lastError())
                .isEqualTo("mnist-libtorch: out/checkpoint.pt cannot be written (Input/output error); when that is"
                        + " mended, go on with --resume out/checkpoint.pt");
        assertIsWhole("out/checkpoint.pt");

        Program.Result unmended = Program.run(folder, environment, "train", "--resume=out/checkpoint.pt");
        assertThat(unmended.exitCode()).isEqualTo(1);
        assertThat(unmended.err())
                .last()
                .asString()
                .matches("mnist-libtorch: \\S*out/batch\\.png cannot be read or written \\(Input/output error\\); when"
                        + " that is mended, run it again");
        Files.delete(fault);
        Program.Result mended = Program.run(folder, environment, "train", "--resume=out/checkpoint.pt");
        assertThat(mended.exitCode()).as(String.join("\n", mended.err())).isZero();
        assertThat(mended.out()).isEqualTo(uninterrupted.out());
        assertSameResults();
    }

    @Test
    void aClockThatIsSetBackChangesNothing() throws Exception {
        Path fault = folder.resolve("fault");
        Process process = start(faults("FAULT_CLOCK", fault), "train", SCHEDULE, "--out=out");
        awaitLine(process, "Epoch [0]");
        Files.createFile(fault);
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(lastError()).isZero();
        assertThat(lines("stdout")).isEqualTo(uninterrupted.out());
        assertSameResults();
    }

    /** Weights of a run before it, which seem to be younger than the checkpoint, made it a finished one. */
    @Test
    void anUnfinishedRunIsSetAsideWhateverTheClockSaid() throws Exception {
        Files.createDirectory(folder.resolve("out"));
        Path weights = Files.copy(whole.resolve("out/model.pt"), folder.resolve("out/model.pt"));
        Files.setLastModifiedTime(weights, FileTime.from(Instant.now().plus(Duration.ofDays(10))));
        Process process = start("train", SCHEDULE, "--out=out");
        awaitLine(process, "Epoch [0]");
        kill(process, "TERM");
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        byte[] unfinished = Files.readAllBytes(folder.resolve("out/checkpoint.pt"));
        Program.Result other = Program.run(folder, "train", "--schedule=1@0.5", "--out=out");
        assertThat(other.exitCode()).as(String.join("\n", other.err())).isZero();
        assertThat(folder.resolve("out/checkpoint.unfinished.pt")).hasBinaryContent(unfinished);
    }

    /** Loaded before the C library; needs a C compiler, and skips the test where there is none. */
    private Map<String, String> faults(String variable, Path whileThereIs) throws Exception {
        Path source = folder.resolve("faults.c");
        Path library = folder.resolve("faults.so");
        try (InputStream in = CheckpointIT.class.getResourceAsStream("/faults/faults.c")) {
            Files.copy(Objects.requireNonNull(in), source);
        }
        assumeTrue(
                OS.LINUX.isCurrentOs()
                        && Disk.shell("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString(), "-ldl")
                                == 0,
                "there is no C compiler here");
        return Map.of("LD_PRELOAD", library.toString(), variable, whileThereIs.toString());
    }

    private void assertIsWhole(String checkpoint) {
        Program.Result evaluated = Program.run(folder, "evaluate", "--model=" + checkpoint);
        assertThat(evaluated.exitCode())
                .as("the last good checkpoint is whole: " + String.join("\n", evaluated.err()))
                .isZero();
    }

    private String lastError() throws IOException {
        List<String> lines = lines("err");
        return lines.isEmpty() ? "" : lines.get(lines.size() - 1);
    }

    private void assertSameResults() throws IOException {
        for (String name : RESULTS) {
            assertThat(folder.resolve("out").resolve(name))
                    .hasBinaryContent(Files.readAllBytes(whole.resolve("out").resolve(name)));
        }
    }

    private Process start(String... arguments) throws IOException {
        return start(Map.of(), arguments);
    }

    private Process start(Map<String, String> environment, String... arguments) throws IOException {
        ProcessBuilder builder = Program.builder(Program.command(List.of(), arguments))
                .directory(folder.toFile())
                .redirectOutput(folder.resolve("stdout").toFile())
                .redirectError(folder.resolve("err").toFile());
        builder.environment().putAll(environment);
        return builder.start();
    }

    private void awaitLine(Process process, String start) throws Exception {
        while (lines("stdout").stream().noneMatch(line -> line.startsWith(start))) {
            assertThat(process.isAlive()).as(String.join("\n", lines("err"))).isTrue();
            Thread.sleep(5);
        }
    }

    private static void awaitNextCheckpoint(Process process, Path out) throws Exception {
        Path checkpoint = out.resolve("checkpoint.pt");
        Object before =
                Files.readAttributes(checkpoint, BasicFileAttributes.class).fileKey();
        while (before.equals(
                Files.readAttributes(checkpoint, BasicFileAttributes.class).fileKey())) {
            assertThat(process.isAlive()).isTrue();
            Thread.sleep(2);
        }
    }

    private List<String> lines(String file) throws IOException {
        return Files.readString(folder.resolve(file)).lines().toList();
    }

    /** A program that is started with a signal ignored goes on ignoring it. */
    private static boolean isIgnored(String signal) throws IOException {
        Path status = Path.of("/proc/self/status");
        return Files.exists(status)
                && Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith("SigIgn:"))
                        .mapToLong(
                                line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
                        .anyMatch(ignored -> (ignored >> (signal.equals("INT") ? 1 : 14) & 1) == 1);
    }

    private static void kill(Process process, String signal) throws Exception {
        List<String> command = List.of("kill", "-" + signal, Long.toString(process.pid()));
        assertThat(new ProcessBuilder(command).start().waitFor()).isZero();
    }
}
