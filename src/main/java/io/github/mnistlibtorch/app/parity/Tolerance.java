package io.github.mnistlibtorch.app.parity;

import java.util.Locale;
import java.util.function.DoubleUnaryOperator;

/** How far apart two computed numbers of two correct runs may be. */
public enum Tolerance {
    /** None: the same library computes the same bits. */
    EXACT(0, expected -> 1),
    /**
     * Absolute, some ulps of a loss near 2, as sums are rounded in the order of a BLAS; of a loss above 4, whose ulps are
     * larger, relative to a quarter of it.
     */
    FLOAT32(1e-6, expected -> Math.max(1, Math.abs(expected) / 4)),
    /** Relative: no order of additions moves a double by more. */
    FLOAT64(1e-9, Math::abs);

    private final double allowed;
    private final DoubleUnaryOperator unit;

    Tolerance(double allowed, DoubleUnaryOperator unit) {
        this.allowed = allowed;
        this.unit = unit;
    }

    /** The one for two runs: none on the same library, and that of float64 only if both computed in it. */
    static Tolerance of(Trace expected, Trace actual) {
        if (expected.producer().computesAs(actual.producer())
                && expected.config().dtype().equals(actual.config().dtype())) {
            return EXACT;
        }
        return expected.config().dtype().equals("float64")
                        && actual.config().dtype().equals("float64")
                ? FLOAT64
                : FLOAT32;
    }

    public double allowed() {
        return allowed;
    }

    /** The distance of two numbers, of which two NaNs are the same, and a NaN is infinitely far from all else. */
    public double between(double expected, double actual) {
        if (Double.compare(expected, actual) == 0) {
            return 0;
        }
        double distance = Math.abs(actual - expected) / unit.applyAsDouble(expected);
        return Double.isNaN(distance) ? Double.POSITIVE_INFINITY : distance;
    }

    /** For a person, as Python's {@code "%.1e"}. */
    public static String format(double distance) {
        return distance == 0 ? "0" : String.format(Locale.ROOT, "%.1e", distance);
    }
}
