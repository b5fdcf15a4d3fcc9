package io.github.mnistlibtorch.app.parity.fork;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.tutorial.Devices;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The last steps of a run with plain SGD, to be trained again: their batches, and the weights before each. Steps are
 * counted from 0 over the whole run.
 */
final class Replay implements AutoCloseable {
    /** Steps to keep: a gate may have turned some time before it shows in a loss. */
    private static final int WINDOW = 128;

    /** Numbers to keep, 256 MB: of a wide network fewer steps. */
    private static final long MOST_NUMBERS = 64_000_000;

    /** Multiplications in all products of the steps to keep, some seconds: of large batches in it fewer still. */
    private static final long MOST_PRODUCTS = 20_000_000_000L;

    /**
     * Computed numbers are near to each other within so many times the rounding error of their product: the operands carry the
     * rounding of all steps before.
     */
    static final double MAX_ROUNDING_ERRORS = 4;

    private final Subset<LabeledImage> train;
    private final IntToDoubleFunction learningRates;
    private final Device device;

    /** Positions of the batch of each step; {@code null} where they are not needed any more. */
    private final List<int @Nullable []> batches = new ArrayList<>();

    /** All parameters in one vector, before each step; {@code null} as above. */
    private final List<@Nullable Tensor> weights = new ArrayList<>();

    /** Gates that every training again has to turn. */
    private final List<GateCandidate> turned = new ArrayList<>();

    private int window = WINDOW;

    /**
     * @param learningRates of each step
     * @param device of the run; it stays the caller's
     */
    Replay(Subset<LabeledImage> train, IntToDoubleFunction learningRates, Device device) {
        this.train = train;
        this.learningRates = learningRates;
        this.device = device;
    }

    /** Adds the batch of one more step. */
    void addBatch(int[] positions) {
        batches.add(positions);
    }

    /** Forgets the batches: they were no steps. */
    void forgetBatches() {
        batches.clear();
    }

    /** Adds the weights before the next step. */
    void addWeights(TensorVector parameters) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor vector = scope.keep(vector(parameters));
            weights.add(vector);
            long products =
                    vector.numel() * (batches.isEmpty() ? 1 : requireNonNull(batches.get(batches.size() - 1)).length);
            long affordable = Math.min(MOST_NUMBERS / vector.numel(), MOST_PRODUCTS / products);
            // Never larger again: what has been forgotten is gone.
            window = (int) Math.max(1, Math.min(window, affordable));
        }
        for (int old = first() - 1; old >= 0 && weights.get(old) != null; old--) {
            requireNonNull(weights.set(old, null)).close();
            batches.set(old, null);
        }
    }

    /** The first step that is kept. */
    int first() {
        return Math.max(0, weights.size() - window);
    }

    /** The last one: behind it no weights have been added, or no batch. */
    int last() {
        return Math.min(weights.size(), batches.size()) - 1;
    }

    boolean isTurned(GateCandidate gate) {
        return turned.stream().anyMatch(gate::isSameGate);
    }

    /** Trains all steps again; their losses. Leaves the weights behind the last in {@code parameters}. */
    double[] losses(TensorVector parameters) {
        restore(first(), parameters);
        return IntStream.rangeClosed(first(), last())
                .mapToDouble(at -> train(at, parameters, (images, hidden) -> torch.relu(turn(turned, at, hidden))))
                .toArray();
    }

    /**
     * The same in float64, from the same weights and with the gates of float32, so that the distance of the losses is
     * rounding and nothing else. Leaves other weights in {@code parameters}.
     */
    double[] lossesInFloat64(TensorVector parameters) {
        restore(first(), parameters);
        try (TensorScope scope = TensorScope.open()) {
            TensorVector widened = new TensorVector();
            for (long i = 0; i < parameters.size(); i++) {
                widened.push_back(
                        parameters.get(i).detach().to(ScalarType.Double).set_requires_grad(true));
            }
            return IntStream.rangeClosed(first(), last())
                    .mapToDouble(at -> {
                        restore(at, parameters);
                        return train(at, widened, (images, hidden) -> hidden.mul(gates(at, images, parameters)));
                    })
                    .toArray();
        }
    }

    /** 1 where a gate is open in float32, and 0 where it is shut, float64 (B, H). */
    private Tensor gates(int at, Tensor images, TensorVector parameters) {
        try (NoGradGuard noGrad = new NoGradGuard()) {
            Tensor hidden = turn(turned, at, hidden(images.to(ScalarType.Float), parameters));
            return hidden.gt(new Scalar(0)).to(ScalarType.Double);
        }
    }

    /** Whether a loss may be that of a step. */
    @FunctionalInterface
    interface Proof {
        boolean accepts(int step, double loss);
    }

    /**
     * Trains again from the first of some gates on, with all of them turned. If every loss passes the proof, the gates
     * stay turned, and what was trained replaces what was kept.
     *
     * @param gates in the order of their steps
     * @return the losses, or nothing if one does not pass; {@code parameters} then are not those of the run any more
     */
    List<Double> turn(List<GateCandidate> gates, TensorVector parameters, Proof proof) {
        List<Double> losses = new ArrayList<>();
        List<Tensor> before = new ArrayList<>();
        int first = gates.get(0).step();
        int last = last();
        try (TensorScope scope = TensorScope.open()) {
            restore(first, parameters);
            for (int at = first; at <= last; at++) {
                before.add(vector(parameters));
                int now = at;
                double loss = train(
                        at, parameters, (images, hidden) -> torch.relu(turn(gates, now, turn(turned, now, hidden))));
                if (!proof.accepts(at, loss)) {
                    return List.of();
                }
                losses.add(loss);
            }
            truncate(first);
            before.forEach(vector -> weights.add(scope.keep(vector)));
        }
        turned.addAll(gates);
        return losses;
    }

    /** The candidates of all steps, the nearest to zero by its rounding error first; none only if they are not numbers. */
    List<GateCandidate> candidates(TensorVector parameters) {
        return IntStream.rangeClosed(first(), last())
                .mapToObj(at -> candidates(at, parameters))
                .flatMap(List::stream)
                .sorted(Comparator.comparingDouble(GateCandidate::distance))
                .toList();
    }

    /**
     * The pre-activations of a step that are near to zero; if there are none, the nearest. Leaves the weights before the
     * step in {@code parameters}.
     */
    private List<GateCandidate> candidates(int at, TensorVector parameters) {
        restore(at, parameters);
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Tensor images = batch(at, ScalarType.Float).images();
            Tensor product = hidden(images, parameters).to(ScalarType.Double);
            Tensor exact = hidden(images.to(ScalarType.Double), parameters);
            double error = product.sub(exact).abs().max().item_double();
            if (!Double.isFinite(error)) {
                return List.of();
            }
            double nearest = product.abs().min().item_double();
            Tensor near = product.abs()
                    .le(new Scalar(Math.max(MAX_ROUNDING_ERRORS * error, nearest)))
                    .nonzero();
            List<GateCandidate> candidates = new ArrayList<>();
            for (long i = 0; i < near.size(0); i++) {
                int row = near.get(i).get(0).item_int();
                int unit = near.get(i).get(1).item_int();
                candidates.add(new GateCandidate(
                        at, row, unit, product.get(row).get(unit).item_double(), error));
            }
            return candidates;
        }
    }

    /**
     * Trains one step as {@code fit} does.
     *
     * @param activation of the images and the pre-activations of the hidden layer
     * @return the loss before the update
     */
    private double train(int at, TensorVector parameters, BinaryOperator<Tensor> activation) {
        try (TensorScope scope = TensorScope.open();
                Optimizer optimizer = OptimizerFactory.SGD.create(parameters, learningRates.applyAsDouble(at))) {
            Batch batch = batch(at, parameters.get(0).scalar_type().intern());
            Tensor hidden = activation.apply(batch.images(), hidden(batch.images(), parameters));
            Tensor out = output(hidden, parameters);
            Tensor loss = torch.cross_entropy(out, batch.labels());
            loss.backward();
            optimizer.step();
            optimizer.zero_grad();
            return loss.item_double();
        }
    }

    /** The pre-activations of the hidden layer, in the dtype of the images. */
    static Tensor hidden(Tensor images, TensorVector parameters) {
        return linear(images, parameters.get(0), parameters.get(1));
    }

    static Tensor output(Tensor hidden, TensorVector parameters) {
        return linear(hidden, parameters.get(2), parameters.get(3));
    }

    private static Tensor linear(Tensor input, Tensor weight, Tensor bias) {
        return torch.linear(input, weight.to(input.scalar_type()), bias.to(input.scalar_type()));
    }

    private static Tensor turn(List<GateCandidate> gates, int at, Tensor hidden) {
        Tensor result = hidden;
        for (GateCandidate gate : gates) {
            if (gate.step() == at) {
                result = result.add(gate.turn(result));
            }
        }
        return result;
    }

    /** Images (B, I) and labels of a step, on the device. */
    private Batch batch(int at, ScalarType dtype) {
        Batch batch = Batch.of(train, requireNonNull(batches.get(at)));
        return new Batch(
                Devices.toDevice(batch.images().flatten(1, -1), device, dtype),
                Devices.toDevice(batch.labels(), device));
    }

    /** A copy of all parameters. */
    static Tensor vector(TensorVector parameters) {
        try (NoGradGuard noGrad = new NoGradGuard()) {
            return torch.parameters_to_vector(parameters);
        }
    }

    private void restore(int at, TensorVector parameters) {
        restore(requireNonNull(weights.get(at)), parameters);
    }

    /** Copies the numbers of {@link #vector} back. */
    static void restore(Tensor vector, TensorVector parameters) {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            long position = 0;
            for (long i = 0; i < parameters.size(); i++) {
                Tensor parameter = parameters.get(i);
                parameter.copy_(vector.narrow(0, position, parameter.numel()).view_as(parameter));
                position += parameter.numel();
            }
        }
    }

    private void truncate(int size) {
        List<@Nullable Tensor> rest = weights.subList(size, weights.size());
        for (Tensor vector : rest) {
            if (vector != null) {
                vector.close();
            }
        }
        rest.clear();
    }

    /** Frees the weights that are kept. */
    @Override
    public void close() {
        truncate(0);
    }
}
