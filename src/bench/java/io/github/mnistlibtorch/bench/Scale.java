package io.github.mnistlibtorch.bench;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.stream.DoubleStream;

/**
 * An axis of a plot. XChart is given positions in ticks instead of values: its own logarithmic axis labels next to nothing
 * between two powers of ten.
 *
 * @param first value at position 0
 * @param step from tick to tick: a factor if {@code logarithmic}, otherwise a distance
 * @param min position of the lower end
 * @param max position of the upper end
 */
record Scale(double first, double step, boolean logarithmic, double min, double max) {
    /** Unequal room at the two ends: XChart would mistake equal steps from end to end for ticks. */
    private static final double ROOM_BELOW = 0.06;

    private static final double ROOM_ABOVE = 0.07;

    /** From here on a curve would lie flat on the bottom of a linear axis. */
    private static final double LARGE_RATIO = 8;

    private static final int MOST_TICKS = 6;

    /** An axis for values that are multiples of each other, with ticks at {@code first} times powers of {@code factor}. */
    static Scale logarithmic(double first, double factor, double[] values) {
        return new Scale(first, factor, true, 0, 0).around(values);
    }

    /** An axis with ticks at multiples of {@code distance}. */
    static Scale linear(double distance, double[] values) {
        return new Scale(0, distance, false, 0, 0).around(values);
    }

    /** An axis for what was measured: logarithmic if it grows much, with ticks at powers of 2, otherwise from 0. */
    static Scale of(double[] values) {
        double least = DoubleStream.of(values).min().orElseThrow();
        double most = DoubleStream.of(values).max().orElseThrow();
        if (most / least < LARGE_RATIO) {
            double distance = roundUp(most / MOST_TICKS);
            return linear(distance, new double[] {0, most});
        }
        int doublings = (int) Math.ceil(Math.log(most / least) / Math.log(2) / MOST_TICKS);
        return logarithmic(1, 1 << doublings, values);
    }

    double position(double value) {
        return logarithmic ? Math.log(value / first) / Math.log(step) : (value - first) / step;
    }

    double length() {
        return max - min;
    }

    /** The value at a tick, short: 60k, 6M. */
    String label(double position) {
        double value = logarithmic ? first * Math.pow(step, position) : first + step * position;
        if (value >= 1e6) {
            return digits(value / 1e6) + "M";
        }
        return value >= 1e4 ? digits(value / 1e3) + "k" : digits(value);
    }

    private static String digits(double value) {
        return new BigDecimal(value, new MathContext(4)).stripTrailingZeros().toPlainString();
    }

    private Scale around(double[] values) {
        double least = position(DoubleStream.of(values).min().orElseThrow());
        double most = position(DoubleStream.of(values).max().orElseThrow());
        double span = Math.max(1, most - least);
        return new Scale(first, step, logarithmic, least - ROOM_BELOW * span, most + ROOM_ABOVE * span);
    }

    /** The next of 1, 2, 5, 10, 20, 50, … */
    private static double roundUp(double value) {
        double power = Math.pow(10, Math.floor(Math.log10(value)));
        double digits = value / power;
        return power * (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
    }
}
