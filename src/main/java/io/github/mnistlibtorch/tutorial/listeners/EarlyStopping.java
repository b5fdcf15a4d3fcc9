package io.github.mnistlibtorch.tutorial.listeners;

import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.util.List;

/**
 * Ends a call of {@code fit} when {@code val_loss} has not become lower for some epochs: Keras'
 * {@code EarlyStopping(monitor="val_loss", patience=patience)}.
 *
 * <pre>{@code
 * fit(100, 0.1, model, trainLoader, valLoader, OptimizerFactory.SGD, new EarlyStopping(3));
 * }</pre>
 */
public final class EarlyStopping implements TrainingListener {
    private final int patience;

    /**
     * @param patience epochs without a lower loss after which training ends, at least 1
     * @throws IllegalArgumentException if {@code patience} is less
     */
    public EarlyStopping(int patience) {
        if (patience < 1) {
            throw new IllegalArgumentException("patience must be at least 1, was " + patience);
        }
        this.patience = patience;
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        List<EpochResult> history = training.history();
        int size = history.size();
        double lowest = Double.POSITIVE_INFINITY;
        int best = -1;
        for (int epoch = 0; epoch <= training.epoch(); epoch++) { // of this call of fit
            double loss = history.get(size - 1 - training.epoch() + epoch).valLoss();
            if (loss < lowest) {
                lowest = loss;
                best = epoch;
            }
        }
        if (training.epoch() - best >= patience) {
            training.stop();
        }
    }
}
