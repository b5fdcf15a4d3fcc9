package io.github.mnistlibtorch.app.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.app.run.RunConfig.Difference;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RunConfigTest {
    private static final RunConfig CNN = new RunConfig(
            "cnn",
            List.of(),
            7,
            500,
            64,
            128,
            "float64",
            "adam",
            List.of(new Phase(1, 1e-3)),
            2,
            "digits",
            3,
            ImageSpec.MNIST);

    /** As they stand in checkpoints of earlier versions. */
    @Test
    void optionsAreThoseOfTheCommandLine() {
        assertThat(RunConfigs.ARTICLE.with("digits", null).options())
                .containsExactly(
                        Map.entry("seed", "42"),
                        Map.entry("val-size", "10000"),
                        Map.entry("batch-size", "128"),
                        Map.entry("hidden-size", "32"),
                        Map.entry("dtype", "float32"),
                        Map.entry("optimizer", "sgd"),
                        Map.entry("schedule", "5@0.5,5@0.1"),
                        Map.entry("data", "digits"));
        assertThat(CNN.options())
                .containsEntry("model", "cnn")
                .containsEntry("world-size", "3")
                .doesNotContainKey("hidden-size");
    }

    @Test
    void comesBackFromItsOptions() {
        assertThat(RunConfig.of(RunConfigs.ARTICLE.options(), 4)).isEqualTo(RunConfigs.ARTICLE);
        assertThat(RunConfig.of(CNN.options(), 2)).isEqualTo(CNN);
    }

    @Test
    void everyDifferenceIsListed() {
        assertThat(CNN.differences(CNN)).isEmpty();
        assertThat(CNN.differences(RunConfig.of(CNN.options(), 0)))
                .as("workers change no digit")
                .isEmpty();
        assertThat(CNN.differences(RunConfigs.ARTICLE))
                .contains(
                        new Difference("model", "cnn", "mlp"),
                        new Difference("seed", "7", "42"),
                        new Difference("schedule", "1@0.001", "5@0.5,5@0.1"),
                        new Difference("val-batch-size", "128", "256"),
                        new Difference("data", "digits", "none"),
                        new Difference("world-size", "3", "none"))
                .hasSize(10);
    }

    /** As somebody types who wants to end it by hand. */
    @Test
    void epochsAreCountedBeyondAnInt() {
        assertThat(RunConfigs.ARTICLE
                        .with(1, List.of(new Phase(1, 0.5), new Phase(Integer.MAX_VALUE, 0.1)))
                        .epochs())
                .isEqualTo(1L + Integer.MAX_VALUE);
    }

    @Test
    void aValueIsWrittenInOneWay() {
        assertThat(RunConfig.canonical("schedule", "5@.50,05@1e-1")).isEqualTo("5@0.5,5@0.1");
        assertThat(RunConfig.canonical("optimizer", "Adam")).isEqualTo("adam");
        assertThat(RunConfig.canonical("hidden-size", "064,32")).isEqualTo("64,32");
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        assertThatThrownBy(() -> RunConfig.canonical("model", "rnn")).hasMessage("'rnn' is not one of [mlp, cnn]");
        assertThatThrownBy(() -> RunConfig.canonical("batch-size", "0"))
                .hasMessage("'0' is not a whole number from 1 to 100000000");
        assertThatThrownBy(() -> RunConfig.of(Map.of("seed", "1"), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("it does not say what --batch-size was");
        assertThatThrownBy(() -> RunConfig.of(CNN.options(), 1_001)).isInstanceOf(IllegalArgumentException.class);
    }
}
