package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three ranks of which one is killed at a random moment, again and again: while it starts, while they meet, train, evaluate and
 * save. No part of {@code mvn verify}: {@code src/test/torture-ranks.sh} runs it.
 */
@ExtendWith(LibTorchExtension.class)
class RankTorture {
    private static final int KILLS = Integer.getInteger("torture.kills", 100);

    /** Of the time in which a kill falls; most of it is the start. */
    private static final int MILLISECONDS = Integer.getInteger("torture.milliseconds", 8_000);

    private static final long SEED = Long.getLong("torture.seed", 1);

    private static final String TIMEOUT = "30";

    @TempDir
    private static Path folder;

    @Test
    void survivorsEndInOneSentence() throws Exception {
        Path data = Files.createDirectory(folder.resolve("data"));
        MnistFiles.unpack(data, 3_000, 500);
        Random random = new Random(SEED);
        Map<String, Integer> counts = new TreeMap<>();
        for (int i = 0; i < KILLS; i++) {
            int killed = random.nextInt(3);
            int delay = random.nextInt(MILLISECONDS);
            Path here = Files.createDirectory(folder.resolve("kill" + i));
            try (Ranks ranks = new Ranks(here, 3)) {
                String[] train = {
                    "train",
                    "--data",
                    data.toString(),
                    "--val-size",
                    "500",
                    "--schedule",
                    "100000@0.1",
                    "--num-workers",
                    "1",
                    "--master-timeout",
                    TIMEOUT
                };
                List<Process> processes = IntStream.range(0, 3)
                        .mapToObj(rank -> ranks.start(rank, train))
                        .toList();
                Thread.sleep(delay);
                processes.get(killed).destroyForcibly();
                for (int rank = 0; rank < 3; rank++) {
                    if (rank != killed) {
                        String name = "kill " + i + " of rank " + killed + " after " + delay + " ms";
                        String stage = stage(name, ranks.result(rank), killed);
                        counts.merge(stage, 1, Integer::sum);
                    }
                }
                assertNothingHalfWritten(here, killed);
            }
        }
        System.out.println(KILLS + " kills: " + counts);
    }

    private static String stage(String name, Program.Result result, int killed) {
        assertThat(result.exitCode()).as(name + ": " + result.err()).isEqualTo(1);
        assertThat(DistributedIT.sentences(result)).as(name).hasSize(1);
        String sentence = DistributedIT.sentences(result).get(0);
        assertThat(sentence)
                .as(name)
                .containsPattern("rank " + killed + "( of 3)? has (been lost|not come)"
                        + (killed == 0 ? "|has not reached rank 0|rank 0 answers" : ""));
        return sentence.replaceAll(".*(been lost|not come|not reached|answers).*", "$1");
    }

    private static void assertNothingHalfWritten(Path here, int killed) throws IOException {
        if (killed != 0) {
            RankFaultsIT.assertNothingHalfWritten(here);
        }
    }
}
