package io.github.mnistlibtorch.app.parity;

/**
 * The result of one check of a comparison of traces.
 *
 * @param name what is compared
 * @param passed whether it is as it should be
 * @param detail the largest difference, or where and how the runs part
 */
public record CheckResult(String name, boolean passed, String detail) {
    /** One line for a person. */
    @Override
    public String toString() {
        return String.format("%-5s %-19s %s", passed ? "ok" : "FAIL", name, detail);
    }
}
