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
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Leads a float32 run along a trace: where the two part in a {@linkplain Fork ReLU fork}, it finds the gate, turns it, and
 * lets the run go on, so that every loss to the end can be held against the trace as strictly as the first.
 *
 * <p>The weights before each of the last steps are kept. When a loss leaves the trace, every pre-activation of these
 * steps that is near enough to zero is a suspect, and is put to the proof: the steps are trained again with that one
 * gate the other way. Only if all their losses then are the trace's, the fork is the cause. A wrong translation has
 * suspects too, by chance, but no such proof.
 *
 * <p>Without a fork, a loss may still be so sensitive for some steps that rounding moves it beyond the tolerance. Then the
 * steps are trained again in float64; how far that leads from float32 says how much is rounding. Whatever neither
 * explains is a difference between the programs, and the run is left to itself.
 *
 * <p>This is the one listener that changes a run: its weights, between two steps. It leads runs with plain SGD, which keep
 * no other state.
 */
public final class Guide implements RunListener, AutoCloseable {
    /** Steps before the parting that are searched: a gate may have turned some time before it shows in a loss. */
    private static final int WINDOW = 128;

    /**
     * A pre-activation is near enough to zero within so many times the rounding error of its product: the operands carry
     * the rounding of all steps before.
     */
    private static final double NEAR = 4;

    /** Of the nearest suspects, so many are tried in pairs too: one gate may turn while another has not shown yet. */
    private static final int PAIRED = 8;

    /**
     * A difference at which forks are looked for, within the tolerance: one that stays hidden moves the weights by more
     * than rounding does, until the next cannot be found.
     */
    private static final double ALARM = 5e-7;

    /** Steps without an alarm after one that led to nothing. */
    private static final int PAUSE = 32;

    /** What is allowed in an excursion, in distances of float32 and float64: each of two runs has its own, and luck. */
    private static final double ROUNDING = 4;

    /** Steps over which that distance is taken: at a single one it may be small by chance. */
    private static final int SENSITIVE = 16;

    /** More than this, rounding without a fork has not been seen to do. */
    private static final double MOST_ROUNDING = 1e-5;

    /** Steps after which a raised tolerance ends. */
    private static final int EXCURSION = 32;

    private final TraceRecorder recorder;
    private final Trace expected;
    private final double[] expectedLosses;
    private final Device device;
    private final List<Fork> forks = new ArrayList<>();

    /** The gates of the forks, which every training again has to turn too. */
    private final List<Suspect> turned = new ArrayList<>();

    private final List<Guidance.Excursion> excursions = new ArrayList<>();
    private final List<Guidance.Tie> ties = new ArrayList<>();

    /** Positions of the batch of each step; {@code null} where they are not needed any more. */
    private final List<int @Nullable []> batches = new ArrayList<>();

    /** All parameters in one vector, before each step; {@code null} as above. */
    private final List<@Nullable Tensor> snapshots = new ArrayList<>();

    private boolean leading;
    private @Nullable String lost;
    private @Nullable Subset<Example> train;
    private @Nullable Subset<Example> val;
    private @Nullable MnistModel model;
    private int step;
    private int nextAlarm;

    /**
     * @param expected the trace that the run should be
     * @param config of the run
     * @param device of the run; it stays the caller's
     * @param recorder is told all that this is told, and of the steps that were trained again
     */
    public Guide(Trace expected, Trace.Config config, Device device, TraceRecorder recorder) {
        this.expected = expected;
        this.expectedLosses = expected.losses();
        this.device = device;
        this.recorder = recorder;
        this.leading = config.dtype().equals("float32") && config.optimizer().equals("sgd");
    }

    /** How the run was led, once it has finished. */
    public Guidance guidance() {
        return new Guidance(List.copyOf(forks), List.copyOf(excursions), List.copyOf(ties), lost);
    }

    @Override
    public void split(Subset<Example> train, Subset<Example> val) {
        recorder.split(train, val);
        this.train = train;
        this.val = val;
        // A run with another number of steps is for the ladder to report: there is nothing to lead it along.
        leading &= batches(train.size(), expected.config().batchSize()) == stepsInEpoch();
    }

    @Override
    public void batchPulled(int[] positions) {
        recorder.batchPulled(positions);
        if (leading) {
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
        if (leading) {
            try (Scope scope = Scope.open()) {
                addSnapshot(requireNonNull(model).parameters());
            }
        }
    }

    @Override
    public void stepDone(Tensor loss) {
        recorder.stepDone(loss);
        if (leading) {
            lead(loss.item_double());
        }
        step++;
    }

    @Override
    public void epochDone(int epoch, double lr, EpochResult result) {
        recorder.epochDone(epoch, lr, result);
        if (leading) {
            lookForTies(result);
        }
    }

    @Override
    public void finished(MnistModel model) {
        recorder.finished(model);
    }

    /** Frees the weights that were kept. */
    @Override
    public void close() {
        truncateSnapshots(0);
    }

    private void lookForTies(EpochResult result) {
        int epoch = step / stepsInEpoch() - 1;
        if (result.valAcc() == expected.epochs().get(epoch).valAcc()) {
            return;
        }
        try (Scope scope = Scope.open();
                TensorVector parameters = requireNonNull(model).parameters()) {
            Guidance.Tie tie = tie(epoch, requireNonNull(val), parameters);
            if (tie.pictures() > 0) {
                ties.add(tie);
            }
        }
    }

    private Guidance.Tie tie(int epoch, Subset<Example> pictures, TensorVector parameters) {
        int batchSize = expected.config().valBatchSize();
        int batches = batches(pictures.size(), batchSize);
        int count = 0;
        double smallest = Double.POSITIVE_INFINITY;
        double largestError = 0;
        double allowed = 0;
        for (int first = 0; first < pictures.size(); first += batchSize) {
            int[] positions = IntStream.range(first, Math.min(first + batchSize, pictures.size()))
                    .toArray();
            try (Scope scope = Scope.open();
                    NoGradGuard noGrad = new NoGradGuard()) {
                Batch batch = onDevice(Batch.of(pictures.getItems(positions)), ScalarType.Float);
                Tensor out = outputs(batch.images(), parameters, ScalarType.Float);
                Tensor exact = outputs(batch.images(), parameters, ScalarType.Double);
                double error = out.sub(exact).abs().max().item_double();
                T_TensorTensor_T two = out.topk(2);
                Tensor margin = two.get0().select(1, 0).sub(two.get0().select(1, 1));
                Tensor right = two.get1().eq(batch.labels().unsqueeze(1)).any(1);
                Tensor near =
                        margin.masked_select(margin.le(new Scalar(NEAR * error)).logical_and(right));
                if (near.numel() > 0) {
                    count += (int) near.numel();
                    smallest = Math.min(smallest, near.min().item_double());
                    largestError = Math.max(largestError, error);
                    allowed += (double) near.numel() / positions.length / batches;
                }
            }
        }
        // The mean over the batches is a float32.
        return new Guidance.Tie(epoch, count, smallest, largestError, allowed + Math.ulp(1f));
    }

    private static Tensor outputs(Tensor images, TensorVector parameters, ScalarType dtype) {
        Tensor hidden = torch.linear(
                images.to(dtype), parameters.get(0).to(dtype), parameters.get(1).to(dtype));
        return torch.linear(
                torch.relu(hidden),
                parameters.get(2).to(dtype),
                parameters.get(3).to(dtype));
    }

    private void lead(double loss) {
        if (!isExpected(step, loss) || (distance(step, loss) > ALARM && step >= nextAlarm)) {
            try (Scope scope = Scope.open();
                    TensorVector parameters = requireNonNull(model).parameters();
                    Tensor after = vector(parameters)) {
                explain(loss, parameters, after);
            }
        }
        if (leading) {
            try (Scope scope = Scope.open()) {
                addSnapshot(requireNonNull(model).parameters());
            }
        }
    }

    /** @param after weights after the step, to be put back if there is no gate to turn */
    private void explain(double loss, TensorVector parameters, Tensor after) {
        restore(requireNonNull(snapshots.get(firstKept())), parameters);
        double[] again = trainAgain(parameters);
        if (Double.compare(again[again.length - 1], loss) != 0) {
            restore(after, parameters);
            leave("the same steps trained again have another loss, so the run does something besides this training");
            return;
        }
        List<Suspect> suspects = suspects(parameters);
        for (List<Suspect> gates : combinations(suspects, isExpected(step, loss))) {
            if (follows(gates, distance(step, loss), parameters)) {
                gates.forEach(gate -> forks.add(gate.toFork(step)));
                turned.addAll(gates);
                return;
            }
        }
        nextAlarm = step + PAUSE;
        double rounding = isExpected(step, loss) ? 0 : rounding(again, parameters);
        restore(after, parameters);
        if (isExpected(step, loss)) {
            return;
        }
        double allowed = Math.min(MOST_ROUNDING, Tolerance.FLOAT32.allowed() + ROUNDING * rounding);
        if (distance(step, loss) <= allowed) {
            excursions.add(new Guidance.Excursion(step, step + EXCURSION, allowed));
            return;
        }
        long near = suspects.stream().filter(Suspect::isNear).count();
        leave("not a ReLU fork: in the " + (step - firstKept() + 1) + " steps up to there "
                + (near == 0
                        ? "every pre-activation is farther from zero than its rounding error"
                        : near + " pre-activations are near enough to zero, but with none of their gates the other way"
                                + " the run follows the trace")
                + suspects.stream()
                        .findFirst()
                        .map(nearest -> "; nearest is " + nearest)
                        .orElse("")
                + "; nor rounding alone: float64 is only " + Tolerance.format(rounding) + " away");
    }

    private void leave(String reason) {
        lost = reason;
        leading = false;
    }

    /**
     * What to put to the proof: each suspect that is near enough, then each two of the nearest.
     *
     * @param alarm whether the loss is within the tolerance: rounding may have moved it, so less passes for a proof
     */
    private List<List<Suspect>> combinations(List<Suspect> suspects, boolean alarm) {
        List<Suspect> near = suspects.stream()
                .filter(suspect -> suspect.distance() <= (alarm ? 1 : NEAR)
                        && turned.stream().noneMatch(suspect::isSameGate))
                .toList();
        List<List<Suspect>> combinations = new ArrayList<>();
        near.forEach(suspect -> combinations.add(List.of(suspect)));
        for (int i = 1; i < Math.min(near.size(), alarm ? 1 : PAIRED); i++) {
            for (int k = 0; k < i; k++) {
                combinations.add(Stream.of(near.get(k), near.get(i))
                        .sorted(Comparator.comparingInt(Suspect::step))
                        .toList());
            }
        }
        return combinations;
    }

    /**
     * Whether the steps from the first suspect's on, with the gates turned, have the losses of the trace; then they are
     * the run's.
     *
     * @param distance of the loss without them; with them, none may be farther than half of it
     */
    private boolean follows(List<Suspect> gates, double distance, TensorVector parameters) {
        List<Double> losses = new ArrayList<>();
        List<Tensor> before = new ArrayList<>();
        int first = gates.get(0).step();
        try (Scope scope = Scope.open()) {
            restore(requireNonNull(snapshots.get(first)), parameters);
            for (int at = first; at <= step; at++) {
                before.add(vector(parameters));
                double loss = train(at, parameters, gates);
                if (!isExpected(at, loss) || distance(at, loss) > distance / 2) {
                    return false;
                }
                losses.add(loss);
            }
            truncateSnapshots(first);
            before.forEach(weights -> snapshots.add(scope.keep(weights)));
        }
        recorder.trainedAgain(losses);
        return true;
    }

    /** Trains all steps since the first weights kept, from the parameters as they are; their losses. */
    private double[] trainAgain(TensorVector parameters) {
        return IntStream.rangeClosed(firstKept(), step)
                .mapToDouble(at -> train(at, parameters, List.of()))
                .toArray();
    }

    /** The farthest that float64 leads from the losses of float32, in the last steps, from the first weights kept on. */
    private double rounding(double[] float32, TensorVector parameters) {
        try (Scope scope = Scope.open()) {
            restore(requireNonNull(snapshots.get(firstKept())), parameters);
            TensorVector widened = new TensorVector();
            for (long i = 0; i < parameters.size(); i++) {
                widened.push_back(
                        parameters.get(i).detach().to(ScalarType.Double).set_requires_grad(true));
            }
            double[] float64 = trainAgain(widened);
            double farthest = 0;
            for (int i = Math.max(0, float32.length - SENSITIVE); i < float32.length; i++) {
                farthest = Math.max(farthest, Math.abs(float32[i] - float64[i]));
            }
            return farthest;
        }
    }

    /** Trains one step as {@code fit} does, with some more gates turned; the loss before the update. */
    private double train(int at, TensorVector parameters, List<Suspect> gates) {
        try (Scope scope = Scope.open();
                Optimizer optimizer = OptimizerFactory.SGD.create(parameters, learningRate(at))) {
            Batch batch = batch(at, parameters.get(0).scalar_type().intern());
            Tensor hidden = torch.linear(batch.images(), parameters.get(0), parameters.get(1));
            for (Suspect gate : Stream.concat(turned.stream(), gates.stream()).toList()) {
                if (gate.step() == at) {
                    hidden = hidden.add(gate.turn(hidden));
                }
            }
            Tensor out = torch.linear(torch.relu(hidden), parameters.get(2), parameters.get(3));
            Tensor loss = torch.cross_entropy(out, batch.labels());
            loss.backward();
            optimizer.step();
            optimizer.zero_grad();
            return loss.item_double();
        }
    }

    /**
     * The pre-activations nearest to zero in the steps kept, the nearest by its rounding error first; none only if they
     * are not numbers.
     */
    private List<Suspect> suspects(TensorVector parameters) {
        List<Suspect> suspects = new ArrayList<>();
        for (int at = firstKept(); at <= step; at++) {
            restore(requireNonNull(snapshots.get(at)), parameters);
            try (Scope scope = Scope.open();
                    NoGradGuard noGrad = new NoGradGuard()) {
                Tensor images = batch(at, ScalarType.Float).images();
                Tensor weight = parameters.get(0);
                Tensor bias = parameters.get(1);
                Tensor product = torch.linear(images, weight, bias).to(ScalarType.Double);
                Tensor exact = torch.linear(
                        images.to(ScalarType.Double), weight.to(ScalarType.Double), bias.to(ScalarType.Double));
                double error = product.sub(exact).abs().max().item_double();
                double least = product.abs().min().item_double();
                Tensor near = product.abs()
                        .le(new Scalar(Math.max(NEAR * error, least)))
                        .nonzero();
                for (long i = 0; i < near.size(0); i++) {
                    int row = near.get(i).get(0).item_int();
                    int unit = near.get(i).get(1).item_int();
                    double value = product.get(row).get(unit).item_double();
                    suspects.add(new Suspect(at, row, unit, value, error));
                }
            }
        }
        suspects.sort(Comparator.comparingDouble(Suspect::distance));
        return suspects;
    }

    private boolean isExpected(int at, double loss) {
        double allowed = excursion(at).map(Guidance.Excursion::allowed).orElse(Tolerance.FLOAT32.allowed());
        return distance(at, loss) <= allowed;
    }

    private double distance(int at, double loss) {
        return Tolerance.FLOAT32.between(expectedLosses[at], loss);
    }

    private Optional<Guidance.Excursion> excursion(int at) {
        return excursions.stream()
                .filter(excursion -> excursion.covers(at))
                .max(Comparator.comparingDouble(Guidance.Excursion::allowed));
    }

    /** Images (B, I) and labels of a step, on the device. */
    private Batch batch(int at, ScalarType dtype) {
        int[] positions = requireNonNull(batches.get(at));
        return onDevice(Batch.of(requireNonNull(train).getItems(positions)), dtype);
    }

    private Batch onDevice(Batch batch, ScalarType dtype) {
        return new Batch(
                Devices.toDevice(batch.images().flatten(1, -1), device, dtype),
                Devices.toDevice(batch.labels(), device));
    }

    private double learningRate(int at) {
        return expected.epochs().get(at / stepsInEpoch()).lr();
    }

    private static int batches(int items, int batchSize) {
        return Math.toIntExact(((long) items + batchSize - 1) / batchSize);
    }

    private int stepsInEpoch() {
        return expected.epochs().get(0).trainLosses().size();
    }

    private int firstKept() {
        return Math.max(0, snapshots.size() - WINDOW);
    }

    private void addSnapshot(TensorVector parameters) {
        try (Scope scope = Scope.open()) {
            snapshots.add(scope.keep(vector(parameters)));
        }
        int old = firstKept() - 1;
        Tensor weights = old < 0 ? null : snapshots.get(old);
        if (weights != null) {
            weights.close();
            snapshots.set(old, null);
            batches.set(old, null);
        }
    }

    private void truncateSnapshots(int size) {
        List<@Nullable Tensor> rest = snapshots.subList(size, snapshots.size());
        for (Tensor weights : rest) {
            if (weights != null) {
                weights.close();
            }
        }
        rest.clear();
    }

    /** A copy of all parameters. */
    private static Tensor vector(TensorVector parameters) {
        try (NoGradGuard noGrad = new NoGradGuard()) {
            return torch.parameters_to_vector(parameters);
        }
    }

    private static void restore(Tensor vector, TensorVector parameters) {
        try (Scope scope = Scope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            long position = 0;
            for (long i = 0; i < parameters.size(); i++) {
                Tensor parameter = parameters.get(i);
                parameter.copy_(vector.narrow(0, position, parameter.numel()).view_as(parameter));
                position += parameter.numel();
            }
        }
    }

    /**
     * A pre-activation near zero.
     *
     * @param error the largest difference between float32 and float64 in the product that made it
     */
    private record Suspect(int step, int row, int unit, double value, double error) {
        double distance() {
            return Math.abs(value) / error;
        }

        boolean isNear() {
            return distance() <= NEAR;
        }

        boolean isSameGate(Suspect other) {
            return step == other.step && row == other.row && unit == other.unit;
        }

        /** What to add to the pre-activations to have this one on the other side of zero, where its gate is the other way. */
        Tensor turn(Tensor hidden) {
            // 0 is on the shut side; any number above it will do.
            double other = value == 0 ? Float.MIN_NORMAL : -value;
            Tensor difference = torch.zeros_like(hidden);
            difference.get(row).get(unit).fill_(new Scalar(other - value));
            return difference;
        }

        Fork toFork(int seen) {
            return new Fork(step, row, unit, value, error, seen);
        }

        @Override
        public String toString() {
            return "step " + step + ", row " + row + ", unit " + unit + ", pre-activation " + Tolerance.format(value)
                    + ", rounding error of the product " + Tolerance.format(error);
        }
    }
}
