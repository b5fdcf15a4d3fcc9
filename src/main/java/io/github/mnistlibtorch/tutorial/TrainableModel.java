package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.data.Batch;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/**
 * What {@code fit} and {@code evaluate} ask of a model. A class that extends LibTorch's {@code Module} has the first two
 * methods already; {@link ImageClassificationBase} has all but {@code forward}.
 *
 * <p>It need not be for images: {@code batch.images()} are its inputs and {@code batch.labels()} its targets, of any shape and
 * dtype, {@code valLoss} is what a lower value of is better, and {@code valAcc} any other number, or NaN. A list of batches is a
 * loader: {@code List.of(new Batch(x, y))}.
 */
public interface TrainableModel {
    /** The parameters to train: {@code model.parameters()}. The caller closes the vector. */
    TensorVector parameters();

    /**
     * Switches between training and evaluation: {@code model.train(on)}. Dropout drops and batch normalization takes the
     * statistics of the batch in training only.
     */
    void train(boolean on);

    /** Returns the loss of a batch, a scalar to call {@code backward()} on: {@code model.training_step(batch)}. */
    Tensor trainingStep(Batch batch);

    /** Called after {@code loss.backward()}, before the optimizer's step: Lightning's {@code on_after_backward}. */
    default void onAfterBackward() {}

    /**
     * Combines the losses of the steps of an epoch: Lightning's {@code training_epoch_end}.
     *
     * @param losses each before its update, in order
     * @return their mean; NaN if there are none
     */
    default double trainingEpochEnd(List<Double> losses) {
        return losses.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    }

    /** Returns loss and accuracy of a batch: {@code model.validation_step(batch)}. */
    ValidationOutput validationStep(Batch batch);

    /**
     * Combines the batches of an evaluation: {@code model.validation_epoch_end(outputs)}.
     *
     * @param outputs of {@link #validationStep}, at least one
     */
    EpochResult validationEpochEnd(List<ValidationOutput> outputs);

    /**
     * Called after each epoch: {@code model.epoch_end(epoch, result)}, which prints it.
     *
     * @param epoch counted from 0 in each call of {@code fit}
     */
    void epochEnd(int epoch, EpochResult result);
}
