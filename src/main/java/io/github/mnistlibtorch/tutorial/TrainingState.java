package io.github.mnistlibtorch.tutorial;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Where a training stands, over one call of {@code fit} or several, and what it has come to so far. {@code fit} keeps it, and
 * its listeners read it.
 */
public final class TrainingState {
    private final List<? extends TrainingListener> listeners;
    private final List<EpochResult> history = new ArrayList<>();
    private final List<Double> trainLosses = new ArrayList<>();
    private final LossAccumulator losses = new LossAccumulator();
    private List<Double> stepLosses = List.of();
    private @Nullable TrainableModel model;
    private @Nullable Optimizer optimizer;
    private int nextPhase;
    private int nextEpoch;
    private int phase;
    private int epoch;
    private int step;
    private long totalSteps;
    private double epochLearningRate;
    private boolean stopped;

    /** A training that has not begun. */
    public TrainingState(TrainingListener... listeners) {
        this(List.of(listeners));
    }

    /** A training that has not begun; the listeners are called in their order. */
    public TrainingState(List<? extends TrainingListener> listeners) {
        this.listeners = List.copyOf(listeners);
    }

    /**
     * Begins where an earlier training stood.
     *
     * @param history of its evaluations
     * @param trainLosses of its epochs
     * @param totalSteps of all its epochs
     */
    public void resume(List<EpochResult> history, List<Double> trainLosses, long totalSteps) {
        this.history.addAll(history);
        this.trainLosses.addAll(trainLosses);
        this.totalSteps = totalSteps;
    }

    /** Lets the next call of {@code fit} be that of a phase, behind so many of its epochs; both are counted from 0. */
    public void startAt(int phase, int epoch) {
        nextPhase = phase;
        nextEpoch = epoch;
    }

    int fitStarts(TrainableModel model, Optimizer optimizer) {
        this.model = model;
        this.optimizer = optimizer;
        phase = nextPhase++;
        epoch = nextEpoch;
        nextEpoch = 0;
        step = 0;
        stopped = false;
        listeners.forEach(listener -> listener.onFitStart(this));
        return epoch;
    }

    void epochStarts(int epoch) {
        this.epoch = epoch;
        step = 0;
        epochLearningRate = learningRate();
        listeners.forEach(listener -> listener.onEpochStart(this));
    }

    void batchEnds(Tensor loss) {
        step++;
        totalSteps++;
        losses.add(loss);
        listeners.forEach(listener -> listener.onBatchEnd(this, loss));
    }

    void epochEnds(EpochResult result) {
        stepLosses = losses.drain();
        trainLosses.add(model().trainingEpochEnd(stepLosses));
        history.add(result);
        listeners.forEach(listener -> listener.onEpochEnd(this, result));
    }

    /** Forgets what an epoch that did not end has left. */
    void fitEnds() {
        losses.close();
        optimizer = null;
    }

    /** The model that is trained. */
    public TrainableModel model() {
        return requireNonNull(model, "no call of fit has begun");
    }

    /** The optimizer of the call of {@code fit} that goes on; {@code null} outside of one. */
    public @Nullable Optimizer optimizer() {
        return optimizer;
    }

    /** Which call of {@code fit} this is, counted from 0. */
    public int phase() {
        return phase;
    }

    /** Which epoch of this call of {@code fit} this is, counted from 0. */
    public int epoch() {
        return epoch;
    }

    /** How many steps of this epoch are done. */
    public int step() {
        return step;
    }

    /** How many steps are done, of all epochs: Lightning's {@code global_step}. */
    public long totalSteps() {
        return totalSteps;
    }

    /** How many epochs are done, of all calls of {@code fit}. */
    public int epochsDone() {
        return trainLosses.size();
    }

    /** The evaluations so far: one after each epoch, and before these what {@link #resume} was given. */
    public List<EpochResult> history() {
        return List.copyOf(history);
    }

    /** What {@link TrainableModel#trainingEpochEnd} made of the losses of each epoch that is done; NaN where it is not known. */
    public List<Double> trainLosses() {
        return List.copyOf(trainLosses);
    }

    /**
     * The last of {@link #trainLosses}.
     *
     * @throws IllegalStateException if no epoch is done
     */
    public double trainLoss() {
        if (trainLosses.isEmpty()) {
            throw new IllegalStateException("no epoch is done");
        }
        return trainLosses.get(trainLosses.size() - 1);
    }

    /** The losses of the steps of the epoch that has just ended, each before its update. */
    public List<Double> stepLosses() {
        return stepLosses;
    }

    /**
     * The learning rate of the next step: {@code optimizer.param_groups[0]["lr"]}.
     *
     * @throws IllegalStateException if no call of {@code fit} is going on
     */
    public double learningRate() {
        return options().get_lr();
    }

    /** The learning rate with which this epoch began; a schedule may have changed it since. */
    public double epochLearningRate() {
        return epochLearningRate;
    }

    /**
     * Changes the learning rate, until the next call of {@code fit}.
     *
     * @throws IllegalStateException if no call of {@code fit} is going on
     */
    public void setLearningRate(double lr) {
        options().set_lr(lr);
    }

    private OptimizerOptions options() {
        if (optimizer == null) {
            throw new IllegalStateException("no call of fit is going on");
        }
        OptimizerParamGroupVector groups = optimizer.param_groups();
        return groups.get(0).options();
    }

    /** Lets this call of {@code fit} end after this epoch: Keras' {@code model.stop_training = True}. */
    public void stop() {
        stopped = true;
    }

    public boolean isStopped() {
        return stopped;
    }
}
