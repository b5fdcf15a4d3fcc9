package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.runtime.PythonRepr;

/**
 * The validation after an epoch: Python's {@code {'val_loss': …, 'val_acc': …}} with plain numbers.
 *
 * @param valLoss mean over the batches of their mean cross-entropy
 * @param valAcc mean over the batches of their share of right answers, 0 to 1
 */
public record EpochResult(double valLoss, double valAcc) {
    /** The article's line for an epoch: {@code Epoch [0], val_loss: 0.2972, val_acc: 0.9077}. */
    public String line(int epoch) {
        return "Epoch [" + epoch + "], val_loss: " + PythonRepr.fixed(valLoss, 4) + ", val_acc: "
                + PythonRepr.fixed(valAcc, 4);
    }

    /** As Python prints the dict. */
    @Override
    public String toString() {
        return "{'val_loss': " + PythonRepr.repr(valLoss) + ", 'val_acc': " + PythonRepr.repr(valAcc) + "}";
    }
}
