package io.github.mnistlibtorch.tutorial.listeners;

import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import org.bytedeco.pytorch.Tensor;

/**
 * Raises the learning rate from a small one to a maximum and lowers it again, each along a cosine, over one call of {@code fit}:
 * {@code torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps, cycle_momentum=False)}, stepped after each batch,
 * with PyTorch's {@code pct_start=0.3}, {@code div_factor=25} and {@code final_div_factor=1e4}.
 *
 * <pre>{@code
 * long totalSteps = 5L * trainLoader.size();
 * fit(5, 0.5, model, trainLoader, valLoader, OptimizerFactory.SGD, new OneCycleLR(0.5, totalSteps));
 * }</pre>
 */
public final class OneCycleLR implements TrainingListener {
    private static final double RISING = 0.3;
    private static final double DIV_FACTOR = 25;
    private static final double FINAL_DIV_FACTOR = 1e4;

    private final double maxLr;
    private final long totalSteps;
    private long firstStep;

    /**
     * @param maxLr the highest learning rate; that of {@code fit} is not used
     * @param totalSteps of the call of {@code fit}, of all its epochs, at least 1
     * @throws IllegalArgumentException if {@code totalSteps} is less than 1
     */
    public OneCycleLR(double maxLr, long totalSteps) {
        if (totalSteps < 1) {
            throw new IllegalArgumentException("totalSteps must be at least 1, was " + totalSteps);
        }
        this.maxLr = maxLr;
        this.totalSteps = totalSteps;
    }

    @Override
    public void onFitStart(TrainingState training) {
        firstStep = training.totalSteps();
        training.setLearningRate(learningRate(0));
    }

    /** @throws IllegalStateException if there are more steps than were announced */
    @Override
    public void onBatchEnd(TrainingState training, Tensor loss) {
        long step = training.totalSteps() - firstStep;
        if (step > totalSteps) {
            throw new IllegalStateException(
                    "there are more than the " + totalSteps + " steps that OneCycleLR was made for");
        }
        training.setLearningRate(learningRate(step));
    }

    private double learningRate(long step) {
        double initialLr = maxLr / DIV_FACTOR;
        double peak = RISING * totalSteps - 1;
        return step <= peak
                ? alongCosine(initialLr, maxLr, step / peak)
                : alongCosine(maxLr, initialLr / FINAL_DIV_FACTOR, (step - peak) / (totalSteps - 1 - peak));
    }

    private static double alongCosine(double start, double end, double share) {
        return end + (start - end) / 2 * (Math.cos(Math.PI * share) + 1);
    }
}
