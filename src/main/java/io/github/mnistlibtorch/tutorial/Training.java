package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
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
     * Evaluates a model: {@code evaluate(model, val_loader)}. It is in evaluation mode afterwards.
     *
     * @param valLoader at least one batch, on the device of the model
     */
    public static EpochResult evaluate(TrainableModel model, Iterable<Batch> valLoader) {
        // The article lets autograd record here; the numbers are the same without.
        try (TensorScope epoch = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            model.train(false);
            List<ValidationOutput> outputs = new ArrayList<>();
            for (Batch batch : valLoader) {
                try (TensorScope step = TensorScope.open()) {
                    ValidationOutput output = model.validationStep(batch);
                    epoch.attach(output.valLoss());
                    epoch.attach(output.valAcc());
                    outputs.add(output);
                }
            }
            return model.validationEpochEnd(outputs);
        }
    }

    /** Trains with stochastic gradient descent: {@code fit(epochs, lr, model, train_loader, val_loader)}. */
    public static List<EpochResult> fit(
            int epochs, double lr, TrainableModel model, Iterable<Batch> trainLoader, Iterable<Batch> valLoader) {
        return fit(epochs, lr, model, trainLoader, valLoader, OptimizerFactory.SGD);
    }

    /**
     * Trains with another optimizer: {@code fit(epochs, lr, model, train_loader, val_loader, opt_func)}.
     *
     * @param listeners are told of each step and each epoch
     */
    public static List<EpochResult> fit(
            int epochs,
            double lr,
            TrainableModel model,
            Iterable<Batch> trainLoader,
            Iterable<Batch> valLoader,
            OptimizerFactory optFunc,
            TrainingListener... listeners) {
        return fit(epochs, lr, model, trainLoader, valLoader, optFunc, new TrainingState(listeners));
    }

    /**
     * Trains a model: the article's loop.
     *
     * @param epochs passes over {@code trainLoader}, each followed by an evaluation
     * @param lr learning rate
     * @param trainLoader batches on the device of the model
     * @param valLoader at least one batch, on the device of the model
     * @param optFunc makes the optimizer, which begins afresh with each call
     * @param training where it stands: for several calls that are one training
     * @return the evaluation after each epoch of this call
     */
    public static List<EpochResult> fit(
            int epochs,
            double lr,
            TrainableModel model,
            Iterable<Batch> trainLoader,
            Iterable<Batch> valLoader,
            OptimizerFactory optFunc,
            TrainingState training) {
        List<EpochResult> history = new ArrayList<>();
        try (TensorVector parameters = model.parameters();
                Optimizer optimizer = optFunc.create(parameters, lr)) {
            int firstEpoch = training.fitStarts(model, optimizer);
            for (int epoch = firstEpoch; epoch < epochs && !training.isStopped(); epoch++) {
                // Training phase
                training.epochStarts(epoch);
                model.train(true);
                for (Batch batch : trainLoader) {
                    try (TensorScope step = TensorScope.open()) {
                        Tensor loss = model.trainingStep(batch);
                        loss.backward();
                        model.onAfterBackward();
                        optimizer.step();
                        optimizer.zero_grad();
                        training.batchEnds(loss);
                    }
                }
                // Validation phase
                EpochResult result = evaluate(model, valLoader);
                model.epochEnd(epoch, result);
                training.epochEnds(result);
                history.add(result);
            }
        } finally {
            training.fitEnds();
        }
        return history;
    }
}
