package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.model.EpochResult;
import java.util.ArrayList;
import java.util.List;

/** The training loss of each epoch of a run, the mean over its steps. */
public final class TrainLosses implements RunListener {
    private final List<Double> means = new ArrayList<>();

    @Override
    public void resumed(Checkpoint checkpoint) {
        means.addAll(checkpoint.trainLosses());
    }

    @Override
    public void epochDone(int epoch, double lr, double trainLoss, EpochResult result) {
        means.add(trainLoss);
    }

    /** One for each epoch that is done; NaN where it is not known. */
    public List<Double> means() {
        return List.copyOf(means);
    }
}
