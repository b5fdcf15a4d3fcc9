package io.github.mnistlibtorch.model;

import io.github.mnistlibtorch.libtorch.PythonFormat;

/**
 * The validation after an epoch: Python's {@code {'val_loss': …, 'val_acc': …}} with plain numbers.
 *
 * @param valLoss mean over the batches of their mean cross-entropy
 * @param valAcc mean over the batches of their share of right answers, 0 to 1
 */
public record EpochResult(double valLoss, double valAcc) {
    /** As Python prints the dict. */
    @Override
    public String toString() {
        return "{'val_loss': " + PythonFormat.repr(valLoss) + ", 'val_acc': " + PythonFormat.repr(valAcc) + "}";
    }
}
