package io.github.mnistlibtorch.app.parity.fork;

import io.github.mnistlibtorch.app.parity.ReluFork;
import io.github.mnistlibtorch.app.parity.Tolerance;
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
