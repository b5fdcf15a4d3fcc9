package io.github.mnistlibtorch.torch.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Locale;
import org.junit.jupiter.api.Test;

class AxisTest {
    @Test
    void epochTicksAreWholeAndFewForHistoriesOfAnyLength() {
        for (int epochs = 1; epochs <= 1000; epochs++) {
            Axis axis = Axis.of(0, epochs, 12, true);
            assertThat(axis.tick().stripTrailingZeros().scale())
                    .as("decimals for %d epochs", epochs)
                    .isLessThanOrEqualTo(0);
            assertThat(axis.toTicks(epochs)).as("ticks for %d epochs", epochs).isBetween(epochs < 4 ? 1.0 : 4.0, 12.0);
        }
    }

    @Test
    void ticksAreMultiplesOfOneTwoOrFive() {
        assertThat(Axis.of(0.1, 2.3, 7, false).tick()).isEqualByComparingTo("0.5");
        assertThat(Axis.of(0.10, 0.96, 7, false).tick()).isEqualByComparingTo("0.2");
        assertThat(Axis.of(0.97, 0.976, 7, false).tick()).isEqualByComparingTo("0.001");
        assertThat(Axis.of(0, 3e37, 7, false).tick()).isEqualByComparingTo("5e36");
        assertThat(Axis.of(0, 100, 12, true).tick()).isEqualByComparingTo("10");
    }

    @Test
    void bothEndsLeaveRoomForTheMarks() {
        Axis axis = Axis.of(10, 20, 7, false);

        assertThat(axis.min()).isBetween(9.0, 9.7);
        assertThat(axis.max()).isBetween(20.3, 21.0);
    }

    @Test
    void ticksReachFromEndToEnd() {
        assertThat(Axis.of(0.1, 2.3, 7, false).ticks()).containsExactly(1L, 2L, 3L, 4L);
        assertThat(Axis.of(-0.1, 0.1, 7, false).ticks()).containsExactly(-2L, -1L, 0L, 1L, 2L);
        assertThat(Axis.of(0, 10, 12, true).position(10, 0, 108)).isCloseTo(104, within(1e-9));
    }

    @Test
    void labelsAllHaveTheDecimalsOfTheTick() {
        Axis axis = Axis.of(0.1, 2.3, 7, false);

        assertThat(axis.label(1)).isEqualTo("0.5");
        assertThat(axis.label(2)).isEqualTo("1.0");
        assertThat(axis.label(0)).isEqualTo("0");
        assertThat(axis.label(-3)).isEqualTo("-1.5");
    }

    @Test
    void hugeAndTinyValuesAreLabelledWithExponentsThatStayApart() {
        assertThat(Axis.of(0, 3e37, 7, false).label(5)).isEqualTo("2.5e+37");
        assertThat(Axis.of(0, 3e37, 7, false).label(1)).isEqualTo("5.0e+36");
        assertThat(Axis.of(1e-12, 1e-9, 7, false).label(1)).isEqualTo("2.0e-10");
    }

    @Test
    void labelsAreTheSameInEveryLocale() {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try {
            assertThat(Axis.of(0, 3e37, 7, false).label(5)).isEqualTo("2.5e+37");
            assertThat(Axis.of(0.1, 2.3, 7, false).label(3)).isEqualTo("1.5");
        } finally {
            Locale.setDefault(before);
        }
    }
}
