package io.github.mnistlibtorch.torch.plot;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.stream.LongStream;

/**
 * A linear axis with ticks at multiples of 1, 2 or 5 times a power of ten.
 *
 * @param min value at its lower end
 * @param max value at its upper end
 * @param tick distance between two ticks, in the unit of the values
 */
record Axis(double min, double max, BigDecimal tick) {
    /** Plain decimals up to here; a label should not be wider than the plot. */
    private static final double LARGE = 1e6;

    private static final int PLAIN_DECIMALS = 5;

    private static final double ROOM = 0.04;

    /**
     * The axis for values from {@code low} to {@code high}, with room for the marks at both ends.
     *
     * @param low less than {@code high}
     * @param maxTicks about how many ticks there is space for
     * @param whole whether a tick between two whole numbers would make no sense
     */
    static Axis of(double low, double high, int maxTicks, boolean whole) {
        double span = high - low;
        return new Axis(low - ROOM * span, high + ROOM * span, tick(span / maxTicks, whole));
    }

    /** Returns where {@code value} is on an axis drawn from {@code start} to {@code end}. */
    double position(double value, double start, double end) {
        return start + (end - start) * ((value - min) / (max - min));
    }

    /** Returns the ticks from end to end, as multiples of {@link #tick}. */
    LongStream ticks() {
        return LongStream.rangeClosed((long) Math.ceil(toTicks(min)), (long) Math.floor(toTicks(max)));
    }

    double toTicks(double value) {
        return value / tick.doubleValue();
    }

    double value(long multiple) {
        return multiple * tick.doubleValue();
    }

    /** Returns the text at a multiple of {@link #tick}. */
    String label(long multiple) {
        if (multiple == 0) {
            return "0";
        }
        BigDecimal value = tick.multiply(BigDecimal.valueOf(multiple));
        double largest = Math.max(Math.abs(min), Math.abs(max));
        if (largest < LARGE && tick.scale() <= PLAIN_DECIMALS) {
            return value.toPlainString();
        }
        int digits = Math.max(0, exponent(largest) - exponent(tick.doubleValue()));
        return String.format(Locale.ROOT, "%." + digits + "e", value);
    }

    private static int exponent(double value) {
        return (int) Math.floor(Math.log10(value));
    }

    private static BigDecimal tick(double atLeast, boolean whole) {
        int exponent = exponent(atLeast);
        if (whole && exponent < 0) {
            return BigDecimal.ONE;
        }
        for (int digit : new int[] {1, 2, 5}) {
            BigDecimal tick = BigDecimal.valueOf(digit, -exponent);
            if (tick.doubleValue() >= atLeast) {
                return tick;
            }
        }
        return BigDecimal.valueOf(1, -exponent - 1);
    }
}
