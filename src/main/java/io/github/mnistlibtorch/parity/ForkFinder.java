package io.github.mnistlibtorch.parity;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.data.Batch;
import io.github.mnistlibtorch.data.Example;
import io.github.mnistlibtorch.data.Subset;
import io.github.mnistlibtorch.device.Devices;
import io.github.mnistlibtorch.libtorch.Scope;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.train.OptimizerFactory;
import io.github.mnistlibtorch.train.RunListener;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Watches a float32 run for the step at which it leaves a trace, and finds out whether a {@linkplain Fork ReLU fork} is
 * the cause.
 *
 * <p>While the run goes, the weights before each of the last steps are kept. Afterwards every pre-activation of these
 * steps that is nearer to zero than the rounding error of its product is a suspect. Each suspect is put to the proof: the
 * steps are trained again with that one gate the other way. Only if the losses then are those of the trace, at
 * the parting and after it, is the fork the cause; a wrong translation has suspects too, by chance, but no such proof.
 */
public final class ForkFinder implements RunListener, AutoCloseable {
    /** Steps before the parting that are searched: a gate may have turned some time before it shows in a loss. */
    private static final int WINDOW = 128;

    /** Steps after the parting that a suspect has to explain, unless the run ends before. */
    private static final int PROOF = 8;

    /** Steps after the parting up to which a suspect is followed, for the record. */
    private static final int FOLLOWED = 100;

    private final RunListener recorder;
    private final Trace.Config config;
    private final Trace expected;
    private final double[] expectedLosses;
    private final Device device;
    private final boolean watching;

    /** Positions of the batch of each step; {@code null} where they are not needed any more. */
    private final List<int @Nullable []> batches = new ArrayList<>();

    /** All parameters in one vector, before each of the last steps. */
    private final Deque<Tensor> snapshots = new ArrayDeque<>();

    private @Nullable Subset<Example> train;
    private @Nullable MnistModel model;
    private int step;
    private int parting = -1;

    /**
     * @param expected the trace that the run should be
     * @param config of the run
     * @param device of the run; it stays the caller's
     * @param recorder is told all that this is told
     */
    public ForkFinder(Trace expected, Trace.Config config, Device device, RunListener recorder) {
        this.expected = expected;
        this.config = config;
        this.expectedLosses = expected.losses();
        this.device = device;
        this.recorder = recorder;
        this.watching = config.dtype().equals("float32") && config.optimizer().equals("sgd");
    }

    @Override
    public void split(Subset<Example> train, Subset<Example> val) {
        recorder.split(train, val);
        this.train = train;
    }

    @Override
    public void batchPulled(int[] positions) {
        recorder.batchPulled(positions);
        if (watching && (parting < 0 || batches.size() <= parting + FOLLOWED)) {
            batches.add(positions);
        }
    }

    @Override
    public void modelDrawn(MnistModel model) {
        recorder.modelDrawn(model);
        this.model = model;
    }

    @Override
    public void evaluated(EpochResult before) {
        recorder.evaluated(before);
        batches.clear();
        if (watching) {
            takeSnapshot();
        }
    }

    @Override
    public void stepDone(Tensor loss) {
        recorder.stepDone(loss);
        if (watching && parting < 0) {
            if (step < expectedLosses.length && !isExpected(step, loss.item_double())) {
                parting = step;
            } else {
                takeSnapshot();
            }
        }
        step++;
    }

    @Override
    public void epochDone(int epoch, double lr, EpochResult result) {
        recorder.epochDone(epoch, lr, result);
    }

    @Override
    public void finished(MnistModel model) {
        recorder.finished(model);
    }

    /**
     * Why the run that has finished left the trace; empty if no step loss did, or if the run is not one that may.
     * Draws from the default generator.
     */
    public Optional<Explanation> explain() {
        if (parting < 0) {
            return Optional.empty();
        }
        List<Tensor> kept = List.copyOf(snapshots);
        int first = parting - kept.size() + 1;
        Suspect nearest = null;
        int suspects = 0;
        try (MnistModel scratch = scratch();
                TensorVector parameters = scratch.parameters()) {
            for (int at = parting; at >= first; at--) {
                Tensor snapshot = kept.get(at - first);
                for (Suspect suspect : suspects(at, snapshot, parameters)) {
                    if (nearest == null || suspect.ratio() < nearest.ratio()) {
                        nearest = suspect;
                    }
                    if (suspect.ratio() > 1) {
                        continue;
                    }
                    suspects++;
                    int followed = stepsFollowed(suspect, snapshot, parameters);
                    if (followed >= Math.min(PROOF, expectedLosses.length - 1 - parting)) {
                        return Optional.of(explained(suspect, followed));
                    }
                }
            }
        }
        return Optional.of(unexplained(requireNonNull(nearest), suspects, kept.size()));
    }

    /** Frees the weights that were kept. */
    @Override
    public void close() {
        snapshots.forEach(Tensor::close);
        snapshots.clear();
    }

    private boolean isExpected(int step, double loss) {
        return Tolerance.FLOAT32.holds(Tolerance.FLOAT32.between(expectedLosses[step], loss));
    }

    private void takeSnapshot() {
        try (Scope scope = Scope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Tensor weights = torch.parameters_to_vector(requireNonNull(model).parameters());
            snapshots.addLast(scope.keep(weights));
        }
        if (snapshots.size() > WINDOW) {
            snapshots.removeFirst().close();
            batches.set(step + 1 - WINDOW, null);
        }
    }

    /** A model of the same shape, for its parameters. */
    private MnistModel scratch() {
        List<Long> hidden = requireNonNull(expected.initialParameters().get("linear1.weight"))
                .shape();
        List<Long> output = requireNonNull(expected.initialParameters().get("linear2.weight"))
                .shape();
        return Devices.toDevice(new MnistModel(hidden.get(1), hidden.get(0), output.get(0)), device);
    }

    /** All pre-activations of a step within the rounding error of their product; if there are none, the nearest to zero. */
    private List<Suspect> suspects(int at, Tensor snapshot, TensorVector parameters) {
        try (Scope scope = Scope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            torch.vector_to_parameters(snapshot, parameters);
            Tensor images = batch(at).images().flatten(1, -1);
            Tensor weight = parameters.get(0);
            Tensor bias = parameters.get(1);
            Tensor product = torch.linear(images, weight, bias).to(ScalarType.Double);
            Tensor exact = torch.linear(
                    images.to(ScalarType.Double), weight.to(ScalarType.Double), bias.to(ScalarType.Double));
            double bound = product.sub(exact).abs().max().item_double();
            double least = product.abs().min().item_double();
            Tensor near = product.abs()
                    .le(new org.bytedeco.pytorch.Scalar(Math.max(bound, least)))
                    .nonzero();
            List<Suspect> suspects = new ArrayList<>();
            for (long i = 0; i < near.size(0); i++) {
                int row = near.get(i).get(0).item_int();
                int unit = near.get(i).get(1).item_int();
                suspects.add(
                        new Suspect(at, row, unit, product.get(row).get(unit).item_double(), bound));
            }
            return suspects;
        }
    }

    /** Trains from a step on with one gate turned; how many steps after the parting have the losses of the trace, −1 for none. */
    private int stepsFollowed(Suspect suspect, Tensor snapshot, TensorVector parameters) {
        int last = Math.min(parting + FOLLOWED, Math.min(expectedLosses.length, batches.size()) - 1);
        try (Scope scope = Scope.open()) {
            torch.vector_to_parameters(snapshot.clone(), parameters);
            for (int at = suspect.step(); at <= last; at++) {
                try (Scope one = Scope.open();
                        Optimizer optimizer = OptimizerFactory.SGD.create(parameters, learningRate(at))) {
                    Batch batch = batch(at);
                    Tensor hidden = torch.linear(batch.images().flatten(1, -1), parameters.get(0), parameters.get(1));
                    if (at == suspect.step()) {
                        hidden = hidden.add(suspect.turn(hidden));
                    }
                    Tensor out = torch.linear(torch.relu(hidden), parameters.get(2), parameters.get(3));
                    Tensor loss = torch.cross_entropy(out, batch.labels());
                    if (!isExpected(at, loss.item_double())) {
                        return at - parting - 1;
                    }
                    loss.backward();
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
        return last - parting;
    }

    private Batch batch(int at) {
        int[] positions = requireNonNull(batches.get(at));
        return Devices.toDevice(Batch.of(requireNonNull(train).getItems(positions)), device);
    }

    private double learningRate(int at) {
        int stepsInEpoch = expected.epochs().get(0).trainLosses().size();
        return expected.epochs().get(at / stepsInEpoch).lr();
    }

    private Explanation explained(Suspect suspect, int followed) {
        Fork fork = new Fork(
                suspect.step(), suspect.row(), suspect.unit(), suspect.value(), suspect.bound(), Math.max(followed, 0));
        return new Explanation(
                fork,
                "a ReLU fork at step " + fork.step() + ": " + suspect.describe() + "; with this gate the other way the "
                        + fork.followed() + " steps after the parting follow the trace");
    }

    private Explanation unexplained(Suspect nearest, int suspects, int searched) {
        String where = "in the " + searched + " steps up to the parting ";
        return new Explanation(
                null,
                suspects == 0
                        ? "not a ReLU fork: " + where
                                + "every pre-activation is farther from zero than the rounding error of its product; nearest is"
                                + " step " + nearest.step() + ", " + nearest.describe()
                        : "not a ReLU fork: " + where + suspects
                                + " pre-activations are near enough to zero, but turning the gate does not lead back to the"
                                + " trace; nearest is step " + nearest.step() + ", " + nearest.describe());
    }

    /**
     * A pre-activation near zero.
     *
     * @param bound rounding error of the product that made it
     */
    private record Suspect(int step, int row, int unit, double value, double bound) {
        double ratio() {
            return Math.abs(value) / bound;
        }

        /** What to add to the pre-activations to have this one on the other side of zero, where its gate is the other way. */
        Tensor turn(Tensor hidden) {
            // A value of 0 is on the shut side; any number above it will do.
            double other = value == 0 ? Float.MIN_NORMAL : -value;
            Tensor difference = torch.zeros_like(hidden);
            difference.get(row).get(unit).fill_(new org.bytedeco.pytorch.Scalar(other - value));
            return difference;
        }

        String describe() {
            return "row " + row + ", unit " + unit + ", pre-activation " + Tolerance.format(value)
                    + ", rounding error of the product " + Tolerance.format(bound);
        }
    }
}
