package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.libtorch.PythonFormat;
import io.github.mnistlibtorch.model.EpochResult;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Stops a run whose loss has become NaN or infinite: from there on, every weight is on its way to NaN.
 *
 * <p>On the CPU the loss of each step is looked at. Elsewhere that would make the training thread wait for the device
 * at each step: there, and where it is asked for, the mean of an epoch's losses is looked at after it.
 */
public final class LossGuard implements RunListener {
    private final List<Phase> schedule;
    private final boolean everyStep;
    private int phase;
    private int epoch; // in its phase
    private int step; // in its epoch

    /**
     * @param schedule all calls of {@code fit} to come, to say at which learning rate it was
     * @param everyStep whether to look at the loss of each step, where nothing has to be waited for
     */
    public LossGuard(List<Phase> schedule, boolean everyStep) {
        this.everyStep = everyStep;
        this.schedule = schedule.stream().filter(phase -> phase.epochs() > 0).toList();
    }

    /** @throws DivergedException if the loss is NaN or infinite */
    @Override
    public void stepDone(Tensor loss) {
        if (everyStep && loss.is_cpu()) {
            step++;
            requireFinite("loss", loss.item_double(), " at step " + step + " of");
        }
    }

    /** @throws DivergedException if the loss is NaN or infinite */
    @Override
    public void epochDone(int epoch, double lr, double trainLoss, EpochResult result) {
        requireFinite("loss", trainLoss, " in");
        requireFinite("val_loss", result.valLoss(), " after");
        nextEpoch();
    }

    @Override
    public void resumed(Checkpoint checkpoint) {
        for (int i = 0; i < checkpoint.epochs(); i++) {
            nextEpoch();
        }
    }

    private void nextEpoch() {
        step = 0;
        epoch++;
        if (epoch == schedule.get(phase).epochs()) {
            phase++;
            epoch = 0;
        }
    }

    private void requireFinite(String name, double loss, String place) {
        if (!Double.isFinite(loss)) {
            throw new DivergedException(name + " is " + PythonFormat.repr(loss) + place + " Epoch [" + epoch
                    + "], learning rate "
                    + PythonFormat.repr(schedule.get(phase).lr())
                    + "; try a lower one");
        }
    }
}
