package io.github.mnistlibtorch.tutorial.listeners;

import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;

/**
 * Multiplies the learning rate by a factor every so many epochs of a call of {@code fit}:
 * {@code torch.optim.lr_scheduler.StepLR(optimizer, step_size, gamma)}, stepped after each epoch.
 *
 * <pre>{@code
 * fit(30, 0.1, model, trainLoader, valLoader, OptimizerFactory.SGD, new StepLR(10, 0.1)); // 0.1, then 0.01, then 0.001
 * }</pre>
 */
public final class StepLR implements TrainingListener {
    private final int stepSize;
    private final double gamma;

    /**
     * @param stepSize epochs between two changes, at least 1
     * @param gamma factor; PyTorch's default is 0.1
     * @throws IllegalArgumentException if {@code stepSize} is less than 1
     */
    public StepLR(int stepSize, double gamma) {
        if (stepSize < 1) {
            throw new IllegalArgumentException("stepSize must be at least 1, was " + stepSize);
        }
        this.stepSize = stepSize;
        this.gamma = gamma;
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        if ((training.epoch() + 1) % stepSize == 0) {
            training.setLearningRate(training.learningRate() * gamma);
        }
    }
}
