package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs that are killed, and disks that fill up, at random moments, again and again; in the end every file is what it would
 * have been. Takes some ten minutes, and is no part of {@code mvn verify}: {@code src/test/torture.sh} runs it.
 *
 * <p>The set is small, so that an epoch takes not much longer than to save it, and many kills fall into the saving.
 */
class Torture {
    private static final int KILLS = Integer.getInteger("torture.kills", 200);
    private static final int FILLS = Integer.getInteger("torture.fills", 50);

    private static final int PICTURES = 3_000;
    private static final int EPOCHS = 150;

    private static final int MINUTES = 5;

    /** The exit code of a process that SIGKILL has ended. */
    private static final int KILLED = 137;

    private static final Random RANDOM = new Random();

    @TempDir
    private static Path data;

    /** How long a run takes: a moment in it may be before it trains, while it does, or while it writes its results. */
    private int millis;

    @TempDir
    private Path folder;

    @BeforeAll
    static void takeAFewPictures() throws IOException {
        LibTorch.start();
        for (String part : List.of("train", "t10k")) {
            take(part + "-images-idx3-ubyte", 4, 28 * 28);
            take(part + "-labels-idx1-ubyte", 2, 1);
        }
    }

    /** The first pictures or labels: a header of four-byte numbers, the second of them how many there are. */
    private static void take(String file, int numbers, int itemSize) throws IOException {
        InputStream packed = Torture.class.getResourceAsStream("/mnist/" + file + ".gz");
        try (InputStream in = new GZIPInputStream(Objects.requireNonNull(packed))) {
            byte[] content = in.readNBytes(numbers * Integer.BYTES + PICTURES * itemSize);
            ByteBuffer.wrap(content).putInt(Integer.BYTES, PICTURES);
            Files.write(data.resolve(file), content);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "adam"})
    void killedRunsEndAsIfTheyHadNotBeen(String optimizer) throws Exception {
        Path expected = uninterrupted(optimizer);
        int kills = 0;
        int inTraining = 0;
        int runs = 0;
        int partsLeft = 0;
        while (kills < KILLS / 2) {
            Path out = folder.resolve("run" + runs++);
            int epochs = -1;
            while (true) {
                Process process = start(optimizer, out);
                if (process.waitFor(RANDOM.nextInt(millis), TimeUnit.MILLISECONDS)) {
                    assertThat(process.exitValue()).as(error(out)).isZero();
                    break;
                }
                process.destroyForcibly().waitFor(); // SIGKILL
                kills++;
                int now = epochsOf(out);
                assertThat(now).as("epochs done").isGreaterThanOrEqualTo(epochs);
                inTraining += now > epochs && now < EPOCHS ? 1 : 0;
                epochs = now;
            }
            assertSame(expected, out);
            partsLeft += count(out, ".part");
        }
        System.out.printf(
                "%s: %d kills in %d runs, %d of them after an epoch more and before the last; every run ended with the same"
                        + " weights, optimizer, generator and history; %d unfinished temporary files left behind%n",
                optimizer, kills, runs, inTraining, partsLeft);
    }

    @Test
    void fullDisksLoseNothing() throws Exception {
        Path expected = uninterrupted("adam");
        Path disk = Files.createDirectory(folder.resolve("disk"));
        assumeTrue(
                Disk.shell("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk.toString()) == 0,
                "a small file system cannot be mounted here");
        int failed = 0;
        int runs = 0;
        try {
            for (int fills = 0; fills < FILLS; ) {
                Path out = disk.resolve("run" + runs++);
                while (true) {
                    Process process = start("adam", out);
                    boolean ended = process.waitFor(RANDOM.nextInt(millis), TimeUnit.MILLISECONDS);
                    if (!ended) {
                        fills++;
                        Disk.fill(disk.resolve("filler"));
                        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
                    }
                    epochsOf(out);
                    Files.deleteIfExists(disk.resolve("filler"));
                    if (process.exitValue() == 0) {
                        break;
                    }
                    failed++;
                    assertThat(process.exitValue()).as(error(out)).isIn(1, 2);
                    assertThat(error(out)).contains("No space left on device");
                }
                assertSame(expected, out);
                assertThat(count(out, ".part")).isZero();
                Disk.shell("rm", "-r", out.toString());
            }
        } finally {
            assertThat(Disk.shell("umount", disk.toString())).isZero();
        }
        System.out.printf(
                "full disk: filled %d times in %d runs, which failed %d times with a sentence; every run ended with the same"
                        + " weights, optimizer, generator and history%n",
                FILLS, runs, failed);
    }

    /** Of two that are started together one trains, and the other is refused; kills hit either, or both. */
    @Test
    void twoProgramsOnOneFolderAreOneRun() throws Exception {
        Path expected = uninterrupted("sgd");
        int kills = 0;
        int refused = 0;
        int runs = 0;
        while (kills < KILLS / 4) {
            Path out = folder.resolve("both" + runs++);
            boolean ended = false;
            while (!ended) {
                List<Process> both = List.of(start("sgd", out, ".first"), start("sgd", out, ".second"));
                Thread.sleep(RANDOM.nextInt(millis));
                for (Process process : RANDOM.nextBoolean() ? both : both.subList(0, 1)) {
                    if (process.isAlive()) {
                        process.destroyForcibly().waitFor();
                        kills++;
                    }
                }
                for (int i = 0; i < both.size(); i++) {
                    Process process = both.get(i);
                    String error = Files.readString(
                            folder.resolve(out.getFileName() + (i == 0 ? ".first" : ".second") + ".err"));
                    assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
                    assertThat(process.exitValue()).as(error).isIn(0, 2, KILLED);
                    if (process.exitValue() == 2) {
                        refused++;
                        assertThat(error)
                                .matches("(?s).*(another run is writing to|is of a run that is still going on).*");
                    }
                    ended |= process.exitValue() == 0;
                }
                epochsOf(out);
            }
            assertSame(expected, out);
        }
        System.out.printf(
                "two programs on one folder: %d kills in %d runs, %d starts refused; every run ended with the same"
                        + " weights, optimizer, generator and history%n",
                kills, runs, refused);
    }

    private Path uninterrupted(String optimizer) throws Exception {
        Path out = folder.resolve("expected");
        long begin = System.nanoTime();
        Process process = start(optimizer, out);
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(error(out)).isZero();
        millis = (int) TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        return out;
    }

    /** Goes on where the last one was, with any number of workers. */
    private Process start(String optimizer, Path out) throws IOException {
        return start(optimizer, out, "");
    }

    private Process start(String optimizer, Path out, String which) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("train", "--data=" + data));
        arguments.add("--num-workers=" + RANDOM.nextInt(4));
        if (Files.exists(out.resolve("checkpoint.pt"))) {
            arguments.add("--resume=" + out.resolve("checkpoint.pt"));
        } else {
            String lr = optimizer.equals("sgd") ? "0.1" : "0.001";
            arguments.addAll(List.of("--optimizer=" + optimizer, "--val-size=500", "--out=" + out));
            arguments.add("--schedule=" + EPOCHS / 2 + "@" + lr + "," + EPOCHS / 2 + "@" + lr);
        }
        return Program.builder(Program.command(List.of(), arguments.toArray(String[]::new)))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(
                        folder.resolve(out.getFileName() + which + ".err").toFile())
                .start();
    }

    private String error(Path out) throws IOException {
        return Files.readString(folder.resolve(out.getFileName() + ".err"));
    }

    /** Both checkpoints can be read, if they are there; -1 if the first is not. */
    private static int epochsOf(Path out) throws IOException {
        Path file = out.resolve("checkpoint.pt");
        if (!Files.exists(file)) {
            assertThat(Checkpoint.previous(file)).doesNotExist();
            return -1;
        }
        try (Checkpoint last = Checkpoint.read(file)) {
            if (Files.exists(Checkpoint.previous(file))) {
                try (Checkpoint previous = Checkpoint.read(Checkpoint.previous(file))) {
                    assertThat(previous.epochs()).isBetween(last.epochs() - 1, last.epochs());
                }
            }
            return last.epochs();
        }
    }

    private static void assertSame(Path expected, Path out) throws IOException {
        for (String name : List.of(
                "checkpoint.pt",
                "checkpoint.previous.pt",
                "model.pt",
                "model.safetensors",
                "history.json",
                "batch.png",
                "loss.png",
                "accuracy.png")) {
            assertThat(out.resolve(name)).hasBinaryContent(Files.readAllBytes(expected.resolve(name)));
        }
    }

    private static int count(Path out, String ending) throws IOException {
        try (Stream<Path> files = Files.list(out)) {
            return (int) files.filter(file -> file.toString().endsWith(ending)).count();
        }
    }
}
