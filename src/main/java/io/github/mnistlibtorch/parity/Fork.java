package io.github.mnistlibtorch.parity;

/**
 * A ReLU fork: a hidden unit whose pre-activation is nearer to zero than the rounding error of the product that made
 * it, so that its sign, and with it the gate, depends on the order of additions. From there on two correct float32
 * runs are two different, equally valid trajectories.
 *
 * @param step at which the gate opened in one run and stayed shut in the other, counted from 0 over the whole run
 * @param row of the batch
 * @param unit of the hidden layer
 * @param preActivation its value in the run that was watched
 * @param errorBound largest difference between the product in float32 and in float64, over the whole batch
 * @param followed steps after the parting at which a run with this one gate the other way still has the losses of the
 *     trace: what proves the fork to be the cause
 */
public record Fork(int step, int row, int unit, double preActivation, double errorBound, int followed) {}
