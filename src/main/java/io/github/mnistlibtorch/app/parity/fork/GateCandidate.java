package io.github.mnistlibtorch.app.parity.fork;

import io.github.mnistlibtorch.app.parity.ReluFork;
import io.github.mnistlibtorch.app.parity.Tolerance;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A pre-activation near zero, whose gate may have turned.
 *
 * @param step of the run, from 0
 * @param row of the batch
 * @param unit of the hidden layer
 * @param error the largest difference between float32 and float64 in the product that made it
 */
record GateCandidate(int step, int row, int unit, double value, double error) {
    /** From zero, in rounding errors. */
    double distance() {
        return Math.abs(value) / error;
    }

    boolean isSameGate(GateCandidate other) {
        return step == other.step && row == other.row && unit == other.unit;
    }

    /** Each of the first candidates, then each two of the first, in the order of their steps. */
    static List<List<GateCandidate>> combinations(List<GateCandidate> candidates, int single, int inPairs) {
        List<List<GateCandidate>> combinations = new ArrayList<>();
        candidates.stream().limit(single).forEach(candidate -> combinations.add(List.of(candidate)));
        for (int i = 1; i < Math.min(candidates.size(), inPairs); i++) {
            for (int k = 0; k < i; k++) {
                combinations.add(Stream.of(candidates.get(k), candidates.get(i))
                        .sorted(Comparator.comparingInt(GateCandidate::step))
                        .toList());
            }
        }
        return combinations;
    }

    /** What to add to the pre-activations to have this one on the other side of zero, where its gate is the other way. */
    Tensor turn(Tensor hidden) {
        // 0 is on the shut side; any number above it will do.
        double other = value == 0 ? Float.MIN_NORMAL : -value;
        Tensor difference = torch.zeros_like(hidden);
        difference.get(row).get(unit).fill_(new Scalar(other - value));
        return difference;
    }

    ReluFork toFork(int seen) {
        return new ReluFork(step, row, unit, value, error, seen);
    }

    @Override
    public String toString() {
        return "step " + step + ", row " + row + ", unit " + unit + ", pre-activation " + Tolerance.format(value)
                + ", rounding error of the product " + Tolerance.format(error);
    }
}
