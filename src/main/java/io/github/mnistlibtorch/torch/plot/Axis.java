package io.github.mnistlibtorch.torch.plot;

import java.math.BigDecimal;
import java.util.Locale;

/**
 * A linear axis with ticks at multiples of 1, 2 or 5 times a power of ten.
 *
 * <p>XChart is given coordinates in ticks instead of values: its own search for ticks does not end for values as
 * large as those of a training that blew up, nor for very small ones.
 *
 * @param min value at its lower end
 * @param max value at its upper end
 * @param tick distance between two ticks, in the unit of the values
 */
record Axis(double min, double max, BigDecimal tick) {
    /** Plain decimals up to here; a label should not be wider than the plot. */
    private static final double LARGE = 1e6;

    private static final int PLAIN_DECIMALS = 5;

    /** Unequal room at the two ends: XChart would mistake equal steps from end to end for ticks. */
    private static final double ROOM_BELOW = 0.04;

    private static final double ROOM_ABOVE = 0.05;

    /**
     * The axis for values from {@code low} to {@code high}, with room for the marks at both ends.
     *
     * @param low less than {@code high}
     * @param maxTicks about how many ticks there is space for
     * @param whole whether a tick between two whole numbers would make no sense
     */
    static Axis of(double low, double high, int maxTicks, boolean whole) {
        double span = high - low;
        double min = low - ROOM_BELOW * span;
        double max = high + ROOM_ABOVE * span;
        return new Axis(min, max, tick(span / maxTicks, whole));
    }

    double toTicks(double value) {
        return value / tick.doubleValue();
    }

    double lengthInTicks() {
        return toTicks(max) - toTicks(min);
    }

    /** The text at {@code position}, which is counted in ticks. */
    String label(double position) {
        BigDecimal value = tick.multiply(BigDecimal.valueOf(Math.round(position)));
        if (value.signum() == 0) {
            return "0";
        }
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
