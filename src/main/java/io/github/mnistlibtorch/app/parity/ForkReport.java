package io.github.mnistlibtorch.app.parity;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How a float32 run was led along a trace.
 *
 * @param forks whose gates were turned, in order
 * @param excursions where rounding errors grew for some steps and shrank again
 * @param ties where an accuracy hung on a rounding error
 * @param lost why the run could not be led any further; {@code null} if it came to the end
 */
public record ForkReport(
        List<ReluFork> forks,
        List<Excursion> excursions,
        List<Tie> ties,
        @Nullable String lost) {
    /** No run was led. */
    public static final ForkReport NONE = new ForkReport(List.of(), List.of(), List.of(), null);

    /** What a person should know of it, a line each. */
    public List<String> lines() {
        return Stream.of(forks, excursions, ties)
                .flatMap(List::stream)
                .map(Object::toString)
                .toList();
    }

    /** The difference that the accuracy after an epoch may have. */
    double allowedAcc(int epoch) {
        return ties.stream()
                .filter(tie -> tie.epoch() == epoch)
                .mapToDouble(Tie::allowed)
                .reduce(0, Math::max);
    }

    /** Whether a gate stood wrong while an epoch was evaluated, as its fork was seen only after that. */
    boolean isAcrossTheEndOf(int epoch, int stepsInEpoch) {
        return forks.stream()
                .anyMatch(fork -> fork.step() / stepsInEpoch <= epoch && epoch < fork.seen() / stepsInEpoch);
    }

    /**
     * An evaluation in which two classes have nearly the same output for some pictures, so that rounding decides which is
     * the greatest.
     *
     * @param epoch counted from 0 over the whole run
     * @param pictures for which that is so, and one of the two classes is right
     * @param margin the smallest distance between the two outputs
     * @param error the largest difference between float32 and float64 in the outputs
     * @param allowed difference of {@code val_acc}
     */
    public record Tie(int epoch, int pictures, double margin, double error, double allowed) {
        /** One line for a person. */
        @Override
        public String toString() {
            return "Evaluation " + epoch + ": the two greatest outputs are " + Tolerance.format(margin)
                    + " apart for a picture, rounding error of the outputs " + Tolerance.format(error)
                    + "; up to " + Tolerance.format(allowed) + " of val_acc is chance (pictures: " + pictures + ")";
        }
    }

    /**
     * Some steps in which a loss is so sensitive that rounding alone moves it by more than the tolerance.
     *
     * @param first step
     * @param last step
     * @param allowed difference, from the distance of this program's own float32 and float64
     */
    public record Excursion(int first, int last, double allowed) {
        /** The difference that the loss of a step may have. */
        public static double allowed(List<Excursion> excursions, int step, Tolerance tolerance) {
            return excursions.stream()
                    .filter(excursion -> excursion.first <= step && step <= excursion.last)
                    .mapToDouble(Excursion::allowed)
                    .reduce(tolerance.allowed(), Math::max);
        }

        /** One line for a person. */
        @Override
        public String toString() {
            return "Steps " + first + " to " + last + ": rounding alone moves the loss; by the distance of float32 and"
                    + " float64 from the same weights, up to " + Tolerance.format(allowed) + " is allowed";
        }
    }
}
