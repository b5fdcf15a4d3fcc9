package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.model.EpochResult;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * Writes {@code train_loss}, {@code val_loss}, {@code val_acc} and {@code lr} of each epoch for TensorBoard, over the number of
 * epochs that are done.
 *
 * <pre>{@code
 * try (SummaryWriter writer = new SummaryWriter(Path.of("runs/mnist"))) {
 *     fit(5, 0.5, model, trainLoader, valLoader, OptimizerFactory.SGD, new TensorBoard(writer));
 * }
 * }</pre>
 */
public final class TensorBoard implements TrainingListener {
    private final SummaryWriter writer;
    private double lr;

    /** @param writer stays the caller's */
    public TensorBoard(SummaryWriter writer) {
        this.writer = writer;
    }

    @Override
    public void onEpochStart(TrainingState training) {
        lr = training.learningRate(); // a schedule may have changed it when the epoch ends
    }

    /** @throws UncheckedIOException if the file cannot be written */
    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        int epoch = training.epochsDone();
        try {
            writer.addScalar("train_loss", training.trainLoss(), epoch);
            writer.addScalar("val_loss", result.valLoss(), epoch);
            writer.addScalar("val_acc", result.valAcc(), epoch);
            writer.addScalar("lr", lr, epoch);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
