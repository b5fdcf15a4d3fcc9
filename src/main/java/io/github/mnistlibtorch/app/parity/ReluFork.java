package io.github.mnistlibtorch.app.parity;

/**
 * A ReLU fork: a hidden unit whose pre-activation is nearer to zero than its rounding error, so that its sign, and with
 * it the gate, depends on the order of additions. From there on two correct float32 runs are two different, equally
 * valid trajectories.
 *
 * @param step at which the gate opened in one run and stayed shut in the other, counted from 0 over the whole run
 * @param row of the batch
 * @param unit of the hidden layer
 * @param preActivation its value in the run, before the gate was turned
 * @param error the largest difference between float32 and float64 in the product that made it
 * @param seen the step whose loss left the trace
 */
public record ReluFork(int step, int row, int unit, double preActivation, double error, int seen) {
    /** One line for a person. */
    @Override
    public String toString() {
        return "ReLU fork at step " + step + ", seen in the loss of step " + seen + ": row " + row + ", unit " + unit
                + ", pre-activation " + Tolerance.format(preActivation) + ", rounding error of the product "
                + Tolerance.format(error) + "; with this gate the other way the run follows the trace";
    }
}
