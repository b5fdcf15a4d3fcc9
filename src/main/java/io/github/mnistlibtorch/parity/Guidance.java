package io.github.mnistlibtorch.parity;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a float32 run was led along a trace.
 *
 * @param forks whose gates were turned, in order
 * @param excursions where rounding errors grew for some steps and shrank again
 * @param lost why the run could not be led any further; {@code null} if it came to the end
 */
public record Guidance(
        List<Fork> forks,
        List<Excursion> excursions,
        @Nullable String lost) {
    /** No run was led. */
    public static final Guidance NONE = new Guidance(List.of(), List.of(), null);

    /**
     * Some steps in which a loss is so sensitive that rounding alone moves it by more than the tolerance.
     *
     * @param first step
     * @param last step
     * @param allowed difference, from the distance of this program's own float32 and float64
     */
    public record Excursion(int first, int last, double allowed) {
        boolean covers(int step) {
            return first <= step && step <= last;
        }

        /** One line for a person. */
        @Override
        public String toString() {
            return "Steps " + first + " to " + last + ": rounding alone moves the loss; by the distance of float32 and"
                    + " float64 from the same weights, up to " + Tolerance.format(allowed) + " is allowed";
        }
    }
}
