package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.data.Batch;
import io.github.mnistlibtorch.libtorch.Scope;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.model.ValidationOutput;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** The article's {@code evaluate} and {@code fit}. */
public final class Training {
    private Training() {}

    /**
     * Evaluates a model: {@code evaluate(model, val_loader)}.
     *
     * @param valLoader at least one batch, on the device of the model
     */
    public static EpochResult evaluate(MnistModel model, Iterable<Batch> valLoader) {
        return evaluate(model, valLoader, Replicas.ONE);
    }

    /**
     * Evaluates a model together with other processes.
     *
     * @param valLoader this one's share of the batches, on the device of the model
     * @return the same in all, and the same as one would have alone
     */
    public static EpochResult evaluate(MnistModel model, Iterable<Batch> valLoader, Replicas replicas) {
        // The article lets autograd record here; the numbers are the same without.
        try (Scope epoch = Scope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            List<ValidationOutput> outputs = new ArrayList<>();
            for (Batch batch : valLoader) {
                try (Scope step = Scope.open()) {
                    ValidationOutput output = model.validationStep(batch);
                    epoch.attach(output.valLoss());
                    epoch.attach(output.valAcc());
                    outputs.add(output);
                }
            }
            return model.validationEpochEnd(replicas.gather(outputs));
        }
    }

    /** Trains with stochastic gradient descent: {@code fit(epochs, lr, model, train_loader, val_loader)}. */
    public static List<EpochResult> fit(
            int epochs, double lr, MnistModel model, Iterable<Batch> trainLoader, Iterable<Batch> valLoader) {
        return fit(epochs, lr, model, trainLoader, valLoader, OptimizerFactory.SGD);
    }

    /** Trains with another optimizer: {@code fit(epochs, lr, model, train_loader, val_loader, opt_func)}. */
    public static List<EpochResult> fit(
            int epochs,
            double lr,
            MnistModel model,
            Iterable<Batch> trainLoader,
            Iterable<Batch> valLoader,
            OptimizerFactory optFunc) {
        return fit(0, epochs, lr, model, trainLoader, valLoader, optFunc, RunListener.NONE, Replicas.ONE);
    }

    /**
     * Trains a model: the article's loop, with a listener, able to go on where it was interrupted, and to share the work.
     *
     * @param firstEpoch epochs that are done already; 0 to begin
     * @param epochs passes over {@code trainLoader}, each followed by an evaluation
     * @param lr learning rate
     * @param trainLoader batches on the device of the model
     * @param valLoader at least one batch, on the device of the model
     * @param optFunc makes the optimizer, which begins afresh with each call
     * @param listener is told of each step and each epoch
     * @param replicas the processes that train this model together; both loaders then hold this one's share
     * @return the evaluation after each epoch from the first on
     */
    public static List<EpochResult> fit(
            int firstEpoch,
            int epochs,
            double lr,
            MnistModel model,
            Iterable<Batch> trainLoader,
            Iterable<Batch> valLoader,
            OptimizerFactory optFunc,
            RunListener listener,
            Replicas replicas) {
        List<EpochResult> history = new ArrayList<>();
        try (TensorVector parameters = model.parameters();
                Optimizer optimizer = optFunc.create(parameters, lr);
                StepLosses losses = new StepLosses()) {
            listener.optimizerMade(optimizer);
            for (int epoch = firstEpoch; epoch < epochs; epoch++) {
                // Training phase
                replicas.epochBegins();
                for (Batch batch : trainLoader) {
                    try (Scope step = Scope.open()) {
                        Tensor loss = model.trainingStep(batch);
                        loss.backward();
                        replicas.averageGradients();
                        optimizer.step();
                        optimizer.zero_grad();
                        losses.add(loss);
                        listener.stepDone(loss);
                    }
                }
                // Validation phase
                EpochResult result = evaluate(model, valLoader, replicas);
                model.epochEnd(epoch, result);
                listener.epochDone(epoch, lr, replicas.mean(losses.takeMean()), result);
                history.add(result);
            }
        }
        return history;
    }
}
