package io.github.mnistlibtorch.app.parity.fork;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.parity.ForkReport;
import io.github.mnistlibtorch.app.parity.ReluFork;
import io.github.mnistlibtorch.app.parity.Tolerance;
import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceRecorder;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;

/**
 * Leads a float32 run along a trace: where the two part in a {@linkplain ReluFork ReLU fork}, it finds the gate, turns it, and
 * lets the run go on, so that every loss to the end can be held against the trace as strictly as the first.
 *
 * <p>The weights before each of the last steps are kept. When a loss leaves the trace, every pre-activation of these
 * steps that is near enough to zero is a candidate, and is put to the proof: the steps are trained again with that one
 * gate the other way. Only if all their losses then are the trace's, the fork is the cause. A wrong translation has
 * candidates too, by chance, but no such proof.
 *
 * <p>Without a fork, a loss may still be so sensitive for some steps that rounding moves it beyond the tolerance. Then the
 * steps are trained again in float64 with the same gates; how far that leads from float32 says how much is rounding.
 * Whatever neither explains is a difference between the programs, and the run is left to itself.
 *
 * <p>This is the one listener that changes a run: its weights, between two steps. It leads runs of the article's network, of one
 * hidden layer, with plain SGD, which keep no other state.
 */
public final class ForkFollower implements RunListener, AutoCloseable {
    /** So many of the nearest candidates are put to the proof. */
    private static final int MAX_SINGLE = 16;

    /** So many in pairs too: one gate may turn while another has not shown yet. */
    private static final int MAX_PAIRS = 8;

    /**
     * A difference at which forks are looked for, within the tolerance: one that stays hidden moves the weights by more
     * than rounding does, until the next cannot be found.
     */
    private static final double DETECTION_THRESHOLD = 5e-7;

    /** Steps without an alarm after one that led to nothing. */
    private static final int COOLDOWN_STEPS = 32;

    /** What is allowed in an excursion, in distances of float32 and float64: each of two runs has its own, and luck. */
    private static final double ROUNDING = 8;

    /** Steps over which that distance is taken: at a single one it may be small by chance. */
    private static final int SENSITIVE = 32;

    /** Steps after which a raised tolerance ends. */
    private static final int EXCURSION = 32;

    private final Trace expected;
    private final double[] expectedLosses;
    private final int stepsInEpoch;
    private final Device device;
    private final TraceRecorder recorder;
    private final List<ReluFork> forks = new ArrayList<>();
    private final List<ForkReport.Excursion> excursions = new ArrayList<>();
    private final List<ForkReport.Tie> ties = new ArrayList<>();

    private boolean following;
    private @Nullable String lost;
    private @Nullable Replay replay;
    private @Nullable Subset<LabeledImage> val;
    private @Nullable ImageClassificationBase model;

    /** The last that is done, counted from 0 over the whole run. */
    private int step;

    private int nextAlarm;

    /**
     * @param expected the trace that the run should be
     * @param config of the run
     * @param device of the run; it stays the caller's
     * @param recorder listens to the same run, before this; it is told of the steps that were trained again
     */
    public ForkFollower(Trace expected, RunConfig config, Device device, TraceRecorder recorder) {
        this.expected = expected;
        this.expectedLosses = expected.losses();
        this.stepsInEpoch = expected.epochs().get(0).trainLosses().size();
        this.device = device;
        this.recorder = recorder;
        this.following = Trace.mayFork(config);
    }

    /** How the run was led, once it has finished. */
    public ForkReport report() {
        return new ForkReport(List.copyOf(forks), List.copyOf(excursions), List.copyOf(ties), lost);
    }

    @Override
    public void onSplit(Subset<LabeledImage> train, Subset<LabeledImage> val) {
        this.val = val;
        this.replay =
                new Replay(train, at -> expected.epochs().get(at / stepsInEpoch).lr(), device);
        // A run with another number of steps is for the ladder to report: there is nothing to lead it along.
        int batches = (train.size() - 1) / expected.config().batchSize() + 1;
        following &= batches == stepsInEpoch;
    }

    @Override
    public void onBatchSampled(int[] positions) {
        if (following) {
            replay().addBatch(positions);
        }
    }

    @Override
    public void onModelCreated(ImageClassificationBase model) {
        this.model = model;
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        replay().forgetBatches();
        if (following) {
            keepWeights();
        }
    }

    @Override
    public void onBatchEnd(TrainingState training, Tensor loss) {
        step = Math.toIntExact(training.totalSteps()) - 1;
        if (following) {
            align(loss.item_double());
        }
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        if (following) {
            lookAtEvaluation(training.epochsDone() - 1, result);
        }
    }

    /** Frees the weights that were kept. */
    @Override
    public void close() {
        if (replay != null) {
            replay.close();
        }
    }

    private Replay replay() {
        return requireNonNull(replay);
    }

    private void keepWeights() {
        try (TensorVector parameters = requireNonNull(model).parameters()) {
            replay().addWeights(parameters);
        }
    }

    private void lookAtEvaluation(int epoch, EpochResult result) {
        Trace.Epoch there = expected.epochs().get(epoch);
        double distance = Tolerance.FLOAT32.between(there.valLoss(), result.valLoss());
        try (TensorVector parameters = requireNonNull(model).parameters();
                Tensor after = Replay.vector(parameters)) {
            if (result.valAcc() != there.valAcc()) {
                int batchSize = expected.config().valBatchSize();
                ArgmaxTies.find(requireNonNull(val), batchSize, parameters, device, epoch)
                        .ifPresent(ties::add);
            }
            if (distance > allowed(step)) {
                excuse(step, distance, rounding(replay().losses(parameters), parameters));
                Replay.restore(after, parameters);
            }
        }
    }

    private void align(double loss) {
        if (!isExpected(step, loss) || (distance(step, loss) > DETECTION_THRESHOLD && step >= nextAlarm)) {
            try (TensorVector parameters = requireNonNull(model).parameters();
                    Tensor after = Replay.vector(parameters)) {
                if (!explain(loss, parameters)) {
                    Replay.restore(after, parameters);
                }
            }
        }
        if (following) {
            keepWeights();
        }
    }

    /**
     * Finds out why a loss is not that of the trace.
     *
     * @return whether a gate was turned; if not, {@code parameters} are not those of the run any more
     */
    private boolean explain(double loss, TensorVector parameters) {
        double[] again = replay().losses(parameters);
        if (Double.compare(again[again.length - 1], loss) != 0) {
            leave("the same steps trained again have another loss, so the run does something besides this training");
            return false;
        }
        double distance = distance(step, loss);
        boolean isWithinTolerance = isExpected(step, loss);
        List<GateCandidate> candidates = replay().candidates(parameters);
        // Within the tolerance rounding may have moved the loss, so less passes for a proof.
        double errors = isWithinTolerance ? 1 : Replay.MAX_ROUNDING_ERRORS;
        int inPairs = isWithinTolerance ? 0 : MAX_PAIRS;
        List<GateCandidate> near = candidates.stream()
                .filter(candidate -> candidate.distance() <= errors && !replay().isTurned(candidate))
                .toList();
        for (List<GateCandidate> gates : GateCandidate.combinations(near, MAX_SINGLE, inPairs)) {
            List<Double> losses =
                    replay().turn(gates, parameters, (at, l) -> isExpected(at, l) && distance(at, l) <= distance / 2);
            if (!losses.isEmpty()) {
                recorder.trainedAgain(step, losses);
                gates.forEach(gate -> forks.add(gate.toFork(step)));
                return true;
            }
        }
        nextAlarm = step + COOLDOWN_STEPS;
        if (!isWithinTolerance) {
            double rounding = rounding(again, parameters);
            if (!excuse(step, distance, rounding)) {
                leave(notAFork(candidates, near.size(), rounding));
            }
        }
        return false;
    }

    private void leave(String reason) {
        lost = reason;
        following = false;
        close();
    }

    private String notAFork(List<GateCandidate> candidates, int near, double rounding) {
        return "not a ReLU fork: in the " + (step - replay().first() + 1) + " steps up to there "
                + (near == 0
                        ? "every pre-activation is farther from zero than its rounding error"
                        : near
                                + " pre-activations are near enough to zero, but with none of the nearest gates the other way"
                                + " the run follows the trace")
                + (candidates.isEmpty() ? "" : "; nearest is " + candidates.get(0))
                + "; nor rounding alone: float64 is only " + Tolerance.format(rounding) + " away";
    }

    /**
     * How far float64 leads from the losses of the last steps in float32; leaves other weights in {@code parameters}.
     *
     * @param float32 of all steps kept
     */
    private double rounding(double[] float32, TensorVector parameters) {
        double[] float64 = replay().lossesInFloat64(parameters);
        return IntStream.range(Math.max(0, float32.length - SENSITIVE), float32.length)
                .mapToDouble(i -> Math.abs(float32[i] - float64[i]))
                .reduce(0, Math::max);
    }

    /** Raises the tolerance for some steps, if so much rounding explains the distance; whether it does. */
    private boolean excuse(int at, double distance, double rounding) {
        double allowed = Math.max(Tolerance.FLOAT32.allowed(), ROUNDING * rounding);
        if (!(distance <= allowed)) { // as a NaN is not
            return false;
        }
        excursions.add(new ForkReport.Excursion(at, at + EXCURSION, allowed));
        return true;
    }

    private boolean isExpected(int at, double loss) {
        return distance(at, loss) <= allowed(at);
    }

    private double allowed(int at) {
        return ForkReport.Excursion.allowed(excursions, at, Tolerance.FLOAT32);
    }

    private double distance(int at, double loss) {
        return Tolerance.FLOAT32.between(expectedLosses[at], loss);
    }
}
