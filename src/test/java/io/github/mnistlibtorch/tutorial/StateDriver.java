package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import java.util.List;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Calls listeners as {@code fit} does, without a model: losses and results are those of the test. */
public final class StateDriver implements AutoCloseable {
    private final TensorVector parameters = new TensorVector(torch.ones(1));
    private final TrainingState state;
    private @Nullable Optimizer optimizer;

    public StateDriver(TrainingListener... listeners) {
        state = new TrainingState(listeners);
    }

    public TrainingState state() {
        return state;
    }

    public void fitStarts(double lr) {
        fitStarts(OptimizerFactory.SGD, lr);
    }

    public void fitStarts(OptimizerFactory factory, double lr) {
        closeOptimizer();
        optimizer = factory.create(parameters, lr);
        state.fitStarts(new NoModel(), optimizer);
    }

    public void epochStarts(int epoch) {
        state.epochStarts(epoch);
    }

    public void step(float loss) {
        try (Tensor tensor = torch.tensor(loss)) {
            step(tensor);
        }
    }

    public void step(Tensor loss) {
        state.batchEnds(loss);
    }

    public void epochEnds(EpochResult result) {
        state.epochEnds(result);
    }

    /** An epoch with a step for each loss. */
    public void epoch(int epoch, EpochResult result, float... losses) {
        epochStarts(epoch);
        for (float loss : losses) {
            step(loss);
        }
        epochEnds(result);
    }

    private void closeOptimizer() {
        if (optimizer != null) {
            optimizer.close();
        }
    }

    @Override
    public void close() {
        state.fitEnds();
        closeOptimizer();
        parameters.close();
    }

    private static final class NoModel implements TrainableModel {
        @Override
        public TensorVector parameters() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void train(boolean on) {}

        @Override
        public Tensor trainingStep(Batch batch) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ValidationOutput validationStep(Batch batch) {
            throw new UnsupportedOperationException();
        }

        @Override
        public EpochResult validationEpochEnd(List<ValidationOutput> outputs) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void epochEnd(int epoch, EpochResult result) {}
    }
}
