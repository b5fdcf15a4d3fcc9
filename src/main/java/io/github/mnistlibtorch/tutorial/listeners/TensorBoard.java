package io.github.mnistlibtorch.tutorial.listeners;

import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * Writes {@code train_loss}, {@code val_loss}, {@code val_acc} and {@code lr} of each epoch for TensorBoard, over the number of
 * epochs that are done.
 *
 * <pre>{@code
 * try (SummaryWriter writer = new SummaryWriter(Path.of("runs/mnist"))) {
 *     TrainingState training = new TrainingState(new TensorBoard(writer));
 *     fit(5, 0.5, model, trainLoader, valLoader, OptimizerFactory.SGD, training);
 *     fit(5, 0.1, model, trainLoader, valLoader, OptimizerFactory.SGD, training); // epochs 6 to 10
 * }
 * }</pre>
 */
public final class TensorBoard implements TrainingListener {
    private final SummaryWriter writer;

    /** @param writer stays the caller's */
    public TensorBoard(SummaryWriter writer) {
        this.writer = writer;
    }

    /** @throws UncheckedIOException if the file cannot be written */
    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        int epoch = training.epochsDone();
        try {
            writer.addScalar("train_loss", training.trainLoss(), epoch);
            writer.addScalar("val_loss", result.valLoss(), epoch);
            writer.addScalar("val_acc", result.valAcc(), epoch);
            writer.addScalar("lr", training.epochLearningRate(), epoch);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
