package io.github.mnistlibtorch.tutorial;

import static java.util.Objects.requireNonNull;

import org.bytedeco.pytorch.Tensor;

/**
 * What one batch of validation gives: Python's {@code {'val_loss': loss, 'val_acc': acc}}.
 *
 * @param valLoss mean cross-entropy of the batch, a scalar in the model's dtype
 * @param valAcc share of right answers in the batch, a float32 scalar
 */
public record ValidationOutput(Tensor valLoss, Tensor valAcc) {
    /** @throws NullPointerException if one is missing; what a model does not measure is NaN */
    public ValidationOutput {
        requireNonNull(valLoss, "valLoss");
        requireNonNull(valAcc, "valAcc");
    }
}
