package io.github.mnistlibtorch.tutorial.listeners;

import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import org.bytedeco.pytorch.Tensor;

/**
 * Stops a training whose loss has become NaN or infinite: from there on, every weight is on its way to NaN.
 *
 * <p>On the CPU the loss of each step is looked at. Elsewhere that would make the training thread wait for the device
 * at each step: there, and where it is asked for, the mean of an epoch's losses is looked at after it.
 */
public final class TerminateOnNaN implements TrainingListener {
    private final boolean everyStep;

    /** @param everyStep whether to look at the loss of each step, where nothing has to be waited for */
    public TerminateOnNaN(boolean everyStep) {
        this.everyStep = everyStep;
    }

    /** @throws DivergedException if the loss is NaN or infinite */
    @Override
    public void onBatchEnd(TrainingState training, Tensor loss) {
        if (everyStep && loss.is_cpu()) {
            requireFinite("loss", loss.item_double(), " at step " + training.step() + " of", training);
        }
    }

    /** @throws DivergedException if the loss is NaN or infinite */
    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        if (training.step() > 0) {
            requireFinite("loss", training.trainLoss(), " in", training);
        }
        requireFinite("val_loss", result.valLoss(), " after", training);
    }

    private static void requireFinite(String name, double loss, String place, TrainingState training) {
        if (!Double.isFinite(loss)) {
            throw new DivergedException(name + " is " + PythonRepr.repr(loss) + place + " Epoch [" + training.epoch()
                    + "], learning rate " + PythonRepr.repr(training.epochLearningRate()) + "; try a lower one");
        }
    }
}
