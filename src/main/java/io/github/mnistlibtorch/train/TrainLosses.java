package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.model.EpochResult;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The training loss of each epoch, the mean over its steps: {@code torch.stack(losses).double().mean()} in Python, if
 * {@code fit} kept them. A GPU is not waited for before the epoch's end.
 */
public final class TrainLosses implements RunListener {
    private final StepLosses steps = new StepLosses();
    private final List<Double> means = new ArrayList<>();

    @Override
    public void stepDone(Tensor loss) {
        steps.add(loss);
    }

    @Override
    public void epochDone(int epoch, double lr, EpochResult result) {
        means.add(
                steps.take().stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN));
    }

    @Override
    public void resumed(Checkpoint checkpoint) {
        means.addAll(checkpoint.trainLosses());
    }

    /** One for each epoch that is done; NaN where it is not known. */
    public List<Double> means() {
        return List.copyOf(means);
    }
}
