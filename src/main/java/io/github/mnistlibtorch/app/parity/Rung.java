package io.github.mnistlibtorch.app.parity;

/**
 * One comparison of the ladder.
 *
 * @param name what is compared
 * @param holds whether it is as it should be
 * @param detail the largest difference, or where and how the runs part
 */
public record Rung(String name, boolean holds, String detail) {
    /** One line for a person. */
    @Override
    public String toString() {
        return String.format("%-5s %-19s %s", holds ? "ok" : "FAIL", name, detail);
    }
}
