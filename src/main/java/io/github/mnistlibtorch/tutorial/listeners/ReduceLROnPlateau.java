package io.github.mnistlibtorch.tutorial.listeners;

import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;

/**
 * Multiplies the learning rate by a factor when {@code val_loss} has stopped to become lower:
 * {@code torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor, patience=patience)}, stepped with {@code val_loss}
 * after each epoch, with PyTorch's relative {@code threshold=1e-4}, {@code cooldown=0} and {@code eps=1e-8}.
 *
 * <pre>{@code
 * fit(50, 0.5, model, trainLoader, valLoader, OptimizerFactory.SGD, new ReduceLROnPlateau(0.1, 10));
 * }</pre>
 */
public final class ReduceLROnPlateau implements TrainingListener {
    private static final double THRESHOLD = 1e-4;
    private static final double EPS = 1e-8;

    private final double factor;
    private final int patience;
    private double best;
    private int badEpochs;

    /**
     * @param factor below 1; PyTorch's default is 0.1
     * @param patience epochs without a lower loss that are let pass; PyTorch's default is 10
     * @throws IllegalArgumentException if {@code factor} is 1 or more
     */
    public ReduceLROnPlateau(double factor, int patience) {
        if (!(factor < 1)) {
            throw new IllegalArgumentException("factor must be below 1, was " + factor);
        }
        this.factor = factor;
        this.patience = patience;
    }

    @Override
    public void onFitStart(TrainingState training) {
        best = Double.POSITIVE_INFINITY;
        badEpochs = 0;
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        if (result.valLoss() < best * (1 - THRESHOLD)) {
            best = result.valLoss();
            badEpochs = 0;
        } else {
            badEpochs++;
        }
        if (badEpochs > patience) {
            badEpochs = 0;
            double lr = training.learningRate();
            if (lr - lr * factor > EPS) {
                training.setLearningRate(lr * factor);
            }
        }
    }
}
