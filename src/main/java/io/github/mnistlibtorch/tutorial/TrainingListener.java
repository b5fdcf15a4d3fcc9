package io.github.mnistlibtorch.tutorial;

import org.bytedeco.pytorch.Tensor;

/**
 * Is called by {@code fit} as the training goes on: for early stopping, schedules of the learning rate, checkpoints, plots.
 *
 * <pre>{@code
 * TrainingListener stopAtNaN = new TrainingListener() {
 *     @Override
 *     public void onEpochEnd(TrainingState training, EpochResult result) {
 *         if (Double.isNaN(result.valLoss())) {
 *             training.stop();
 *         }
 *     }
 * };
 * fit(5, 0.5, model, trainLoader, valLoader, OptimizerFactory.SGD, stopAtNaN);
 * }</pre>
 *
 * <p>All calls come on the training thread. Every method does nothing unless it is overridden. A listener that draws a random
 * number changes the training.
 */
public interface TrainingListener {
    /** A call of {@code fit} has made its optimizer. */
    default void onFitStart(TrainingState training) {}

    /** An epoch begins. */
    default void onEpochStart(TrainingState training) {}

    /**
     * A step is done: the parameters are updated and the gradients gone.
     *
     * @param loss of the batch before the update, a scalar that lives until this method returns. To read one that is on a GPU
     *     makes the training thread wait for the GPU.
     */
    default void onBatchEnd(TrainingState training, Tensor loss) {}

    /** An epoch is done, and evaluated. */
    default void onEpochEnd(TrainingState training, EpochResult result) {}
}
