package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.data.Example;
import io.github.mnistlibtorch.data.Subset;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.MnistModel;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;

/**
 * Is told how a run of the article goes, in the order of the methods. It may look at everything and should change
 * nothing (the guide of {@code parity} moves weights between two steps, and says so): above all, it draws no random
 * number before the run has finished.
 *
 * <p>All calls come on the training thread. Every method does nothing unless it is overridden.
 */
public interface RunListener {
    /** Listens to nothing. */
    RunListener NONE = new RunListener() {};

    /** The dataset has been split. */
    default void split(Subset<Example> train, Subset<Example> val) {}

    /**
     * The train loader has pulled the indices of one more batch from its sampler; with workers, some batches before
     * it is trained on.
     *
     * @param positions in the train split, in visiting order
     */
    default void batchPulled(int[] positions) {}

    /** The model to train has drawn its weights, float32 on the CPU; device and dtype come next. */
    default void modelDrawn(MnistModel model) {}

    /** The model, on its device and in its dtype, has been evaluated before the first step. */
    default void evaluated(EpochResult before) {}

    /** Instead of that: the model has been given the weights of an interrupted run, of which some epochs are done. */
    default void resumed(Checkpoint checkpoint) {}

    /** A call of {@code fit} has made its optimizer, which lives as long as the call. */
    default void optimizerMade(Optimizer optimizer) {}

    /**
     * A step is done: the parameters are updated and the gradients gone.
     *
     * @param loss of the batch before the update, a scalar that lives until this method returns
     */
    default void stepDone(Tensor loss) {}

    /**
     * An epoch is done, and evaluated.
     *
     * @param epoch its index in its call of {@code fit}
     * @param lr learning rate
     * @param trainLoss mean loss of the steps of the epoch, each before its update
     */
    default void epochDone(int epoch, double lr, double trainLoss, EpochResult result) {}

    /** The last call of {@code fit} has returned; the model is closed when this method returns. */
    default void finished(MnistModel model) {}

    /** This listener, and after it another, as one. */
    default RunListener and(RunListener next) {
        RunListener first = this;
        return new RunListener() {
            @Override
            public void split(Subset<Example> train, Subset<Example> val) {
                first.split(train, val);
                next.split(train, val);
            }

            @Override
            public void batchPulled(int[] positions) {
                first.batchPulled(positions);
                next.batchPulled(positions);
            }

            @Override
            public void modelDrawn(MnistModel model) {
                first.modelDrawn(model);
                next.modelDrawn(model);
            }

            @Override
            public void evaluated(EpochResult before) {
                first.evaluated(before);
                next.evaluated(before);
            }

            @Override
            public void resumed(Checkpoint checkpoint) {
                first.resumed(checkpoint);
                next.resumed(checkpoint);
            }

            @Override
            public void optimizerMade(Optimizer optimizer) {
                first.optimizerMade(optimizer);
                next.optimizerMade(optimizer);
            }

            @Override
            public void stepDone(Tensor loss) {
                first.stepDone(loss);
                next.stepDone(loss);
            }

            @Override
            public void epochDone(int epoch, double lr, double trainLoss, EpochResult result) {
                first.epochDone(epoch, lr, trainLoss, result);
                next.epochDone(epoch, lr, trainLoss, result);
            }

            @Override
            public void finished(MnistModel model) {
                first.finished(model);
                next.finished(model);
            }
        };
    }
}
