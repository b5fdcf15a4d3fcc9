package io.github.mnistlibtorch.app.parity;

import java.util.List;

/** Thrown by a check that fails; its message names the first difference. */
final class CheckFailedException extends Exception {
    CheckFailedException(String detail) {
        super(detail);
    }

    /** Where the two numbers differ. */
    CheckFailedException(String what, double expected, double actual) {
        super(what + ": " + numbers(expected, actual));
    }

    /** Where the two lists first differ, if they do, of longer ones. */
    CheckFailedException(String what, List<?> expected, List<?> actual) {
        super(what + ": " + firstDifference(expected, actual));
    }

    static String numbers(double expected, double actual) {
        return "expected " + expected + ", found " + actual + ", " + Tolerance.format(Math.abs(actual - expected))
                + " apart";
    }

    private static String firstDifference(List<?> expected, List<?> actual) {
        for (int i = 0; i < Math.min(expected.size(), actual.size()); i++) {
            if (!expected.get(i).equals(actual.get(i))) {
                return "expected " + expected.get(i) + " at " + i + ", found " + actual.get(i);
            }
        }
        return "expected others, behind the first " + expected.size();
    }
}
