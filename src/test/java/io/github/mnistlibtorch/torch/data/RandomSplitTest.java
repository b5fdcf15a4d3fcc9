package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static io.github.mnistlibtorch.torch.data.Fixtures.SEED;
import static io.github.mnistlibtorch.torch.data.Fixtures.range;
import static io.github.mnistlibtorch.torch.data.Fixtures.wordsTakenBy;
import static io.github.mnistlibtorch.torch.data.RandomSplit.randomSplit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Generator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@ExtendWith(LibTorchExtension.class)
class RandomSplitTest {
    private final List<String> warnings = new ArrayList<>();

    @BeforeEach
    void collectWarnings() {
        Warnings.showWith(warnings::add);
    }

    @AfterEach
    void forgetWarnings() {
        Warnings.reset();
    }

    @Test
    void lengthsCutOnePermutationOfTheGenerator() {
        try (Generator generator = TorchRandom.newGenerator(1)) {
            assertThat(values(randomSplit(range(10), generator, 3, 7)))
                    .isEqualTo(recorded("splits", "10 by [3, 7], generator 1"));
        }
    }

    @Test
    void fractionsCutTheSamePermutation() {
        try (Generator generator = TorchRandom.newGenerator(1)) {
            assertThat(values(randomSplit(range(10), generator, 0.3, 0.3, 0.4)))
                    .isEqualTo(recorded("splits", "10 by [0.3, 0.3, 0.4], generator 1"));
        }
    }

    @Test
    void withoutGeneratorThePermutationComesFromTheDefaultOne() {
        TorchRandom.manualSeed(SEED);

        assertThat(values(randomSplit(range(10), 3, 7)))
                .isEqualTo(recorded("splits", "10 by [3, 7], default generator"));
    }

    @Test
    void takesAsManyWordsAsPython() {
        assertThat(wordsTakenBy(() -> randomSplit(range(10), 3, 7)))
                .isEqualTo(recorded("splits", "words", "10 by [3, 7]"));
    }

    @Test
    void ownGeneratorLeavesTheDefaultOneAlone() {
        try (Generator generator = TorchRandom.newGenerator(1)) {
            assertThat(wordsTakenBy(() -> randomSplit(range(10), generator, 3, 7)))
                    .isEqualTo(recorded("splits", "words", "10 by [3, 7], own generator"));
        }
    }

    @Test
    void partsHaveTheLengthsOfPython() {
        assertThat(sizes(randomSplit(range(6), 2, 4))).isEqualTo(recorded("splits", "lengths", "6 by [2, 4]"));
        assertThat(sizes(randomSplit(range(6), 0.5, 0.5))).isEqualTo(recorded("splits", "lengths", "6 by [0.5, 0.5]"));
        assertThat(sizes(randomSplit(range(3), 0.5, 0.5))).isEqualTo(recorded("splits", "lengths", "3 by [0.5, 0.5]"));
        assertThat(sizes(randomSplit(range(106), 0.1, 0.2, 0.3, 0.4)))
                .isEqualTo(recorded("splits", "lengths", "106 by [0.1, 0.2, 0.3, 0.4]"));
        assertThat(sizes(randomSplit(range(2), 0.1, 0.9))).isEqualTo(recorded("splits", "lengths", "2 by [0.1, 0.9]"));
        assertThat(sizes(randomSplit(range(4), 4, 0))).isEqualTo(recorded("splits", "lengths", "4 by [4, 0]"));
    }

    @Test
    void partsAreDisjointAndCoverTheDataset() {
        List<Integer> all = IntStream.range(0, 50).boxed().toList();

        assertThat(values(randomSplit(range(50), 20, 30)).stream().flatMap(List::stream))
                .containsExactlyInAnyOrderElementsOf(all);
        assertThat(values(randomSplit(range(50), 0.21, 0.79)).stream().flatMap(List::stream))
                .containsExactlyInAnyOrderElementsOf(all);
    }

    @Test
    void lengthsThatDoNotAddUpAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> randomSplit(range(4), 1, 2))
                .withMessage(recordedMessage("splits", "wrong sum"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> randomSplit(range(4), 5, -1))
                .withMessage(recordedMessage("splits", "wrong sum"));
    }

    @Test
    void fractionsThatDoNotAddUpToOneAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> randomSplit(range(4), 0.1))
                .withMessage(recordedMessage("splits", "fractions 0.1"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> randomSplit(range(4), 1.1))
                .withMessage(recordedMessage("splits", "fractions 1.1"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> randomSplit(range(4), Double.NaN, 0.5))
                .withMessage(recordedMessage("splits", "fractions 1.1"));
    }

    /** Recorded by {@code record_fractions.py}; before 3.12, Python adds up a third of these lists to something else. */
    @Test
    void fractionsAreAddedAsPythonDoes() {
        JsonNode recorded = JsonMapper.builder()
                .build()
                .readTree(Path.of("test-data/fractions.json").toFile());
        for (JsonNode list : recorded.get("lists")) {
            double[] fractions = list.get("fractions")
                    .valueStream()
                    .mapToDouble(JsonNode::asDouble)
                    .toArray();
            boolean isWhole = true;
            try {
                randomSplit(range(1_000), fractions);
            } catch (IllegalArgumentException e) {
                isWhole = false;
            }
            assertThat(isWhole)
                    .as(Arrays.toString(fractions))
                    .isEqualTo(list.get("is_whole").asBoolean());
        }
    }

    @Test
    void fractionsOutsideZeroToOneAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> randomSplit(range(4), -0.5, 1.5))
                .withMessage(recordedMessage("splits", "fractions [-0.5, 1.5]"));
    }

    @Test
    void refusedSplitDrawsNothing() {
        assertThat(wordsTakenBy(
                        () -> assertThatIllegalArgumentException().isThrownBy(() -> randomSplit(range(4), 1, 2))))
                .isZero();
    }

    @Test
    void emptyFractionIsWarnedOf() {
        randomSplit(range(2), 0.9, 0.1, 0.0);

        assertThat(warnings).isEqualTo(recorded("splits", "empty fraction"));
    }

    @Test
    void emptyLengthIsNotWarnedOf() {
        randomSplit(range(4), 4, 0);

        assertThat(warnings).isEqualTo(recorded("splits", "empty length"));
    }

    private static List<List<Integer>> values(List<Subset<Integer>> parts) {
        return parts.stream()
                .map(part -> IntStream.range(0, part.size()).mapToObj(part::get).toList())
                .toList();
    }

    private static List<Integer> sizes(List<Subset<Integer>> parts) {
        return parts.stream().map(Subset::size).toList();
    }
}
