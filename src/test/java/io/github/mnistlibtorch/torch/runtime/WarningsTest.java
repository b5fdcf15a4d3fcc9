package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WarningsTest {
    private final List<String> shown = new ArrayList<>();

    @BeforeEach
    void collectWarnings() {
        Warnings.showWith(shown::add);
    }

    @AfterEach
    void forgetWarnings() {
        Warnings.reset();
    }

    @Test
    void eachTextIsShownOnce() {
        Warnings.warn("low");
        Warnings.warn("high");
        Warnings.warn("low");

        assertThat(shown).containsExactly("low", "high");
    }

    @Test
    void newSinkForgetsWhatWasShown() {
        Warnings.warn("low");
        List<String> later = new ArrayList<>();
        Warnings.showWith(later::add);
        Warnings.warn("low");

        assertThat(shown).containsExactly("low");
        assertThat(later).containsExactly("low");
    }

    @Test
    void afterAResetWarningsNoLongerReachTheSink() {
        Warnings.reset();
        Warnings.warn("a warning for the log, from a test");

        assertThat(shown).isEmpty();
    }
}
