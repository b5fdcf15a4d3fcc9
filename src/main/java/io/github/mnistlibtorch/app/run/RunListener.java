package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;

/**
 * Is told of all that a {@link TrainingRun} does, in the order of the methods, its calls of {@code fit} among it. It draws no
 * random number before the run has ended.
 */
public interface RunListener extends TrainingListener {
    /** The dataset has been split. */
    default void onSplit(Subset<LabeledImage> train, Subset<LabeledImage> val) {}

    /**
     * The train loader has pulled the indices of one more batch from its sampler; with workers, some batches before
     * it is trained on.
     *
     * @param positions in the train split, in visiting order
     */
    default void onBatchSampled(int[] positions) {}

    /** The model to train has drawn its weights, float32 on the CPU; device and dtype come next. */
    default void onModelCreated(ImageClassificationBase model) {}

    /**
     * The model, on its device and in its dtype, is ready for the first step: it has been evaluated or, in a run that goes on,
     * been given the weights of a checkpoint.
     *
     * @param training with the evaluations and losses up to now
     * @param resumed whether the run goes on where an earlier one was interrupted
     */
    default void onTrainingStart(TrainingState training, boolean resumed) {}

    /** The last call of {@code fit} has returned; the model is closed when this method returns. */
    default void onRunEnd(ImageClassificationBase model) {}
}
