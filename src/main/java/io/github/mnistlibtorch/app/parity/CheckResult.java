package io.github.mnistlibtorch.app.parity;

import static java.util.Objects.requireNonNull;

/**
 * The result of one check of a comparison of traces.
 *
 * @param name what is compared
 * @param passed whether it is as it should be
 * @param detail the largest difference, or where and how the runs part
 */
public record CheckResult(String name, boolean passed, String detail) {
    /** Returns the detail, or throws where the runs part. */
    @FunctionalInterface
    interface Check {
        String run() throws CheckFailedException;
    }

    static CheckResult of(String name, Check check) {
        try {
            return new CheckResult(name, true, check.run());
        } catch (CheckFailedException divergence) {
            return new CheckResult(name, false, requireNonNull(divergence.getMessage()));
        }
    }

    /** One line for a person. */
    @Override
    public String toString() {
        return String.format("%-5s %-19s %s", passed ? "ok" : "FAIL", name, detail);
    }
}
