package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.optim.OptimizerState;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.InvalidFile;
import io.github.mnistlibtorch.torch.serialization.PtDict;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A run between two epochs, as a file: all that the rest of it depends on, so that it ends like a run that was never
 * interrupted, bit for bit.
 *
 * <p>The file is a dictionary that {@code torch.load} reads: {@code model_state_dict}, {@code optimizer_state_dict},
 * {@code rng_state}, {@code history}, {@code train_losses} (of the epochs), {@code epoch} (how many are done),
 * {@code config}, {@code computed_with} and {@code format_version}. Each of its parts has a checksum, as in every file of {@code torch.save}.
 */
public final class Checkpoint implements AutoCloseable {
    /** Of the dictionary; another one is refused. */
    private static final int VERSION = 1;

    private final Path file;
    private final InvalidFile refusal;
    private final RunConfig config;
    private final Map<String, String> computedWith;
    private final List<EpochResult> history;
    private final List<Double> trainLosses;
    private final Map<String, Tensor> model;
    private final List<Map<String, Object>> optimizer;
    private final Tensor rngState;

    private Checkpoint(
            Path file,
            InvalidFile refusal,
            RunConfig config,
            Map<String, String> computedWith,
            List<EpochResult> history,
            List<Double> trainLosses,
            Map<String, Tensor> model,
            List<Map<String, Object>> optimizer,
            Tensor rngState) {
        this.file = file;
        this.refusal = refusal;
        this.config = config;
        this.computedWith = computedWith;
        this.history = history;
        this.trainLosses = trainLosses;
        this.model = model;
        this.optimizer = optimizer;
        this.rngState = rngState;
    }

    /** Where the checkpoint before the one in {@code file} is kept: {@code checkpoint.previous.pt} in the same folder. */
    public static Path previous(Path file) {
        String name = String.valueOf(file.getFileName());
        int dot = Math.max(0, name.lastIndexOf('.'));
        return file.resolveSibling(name.substring(0, dot) + ".previous" + name.substring(dot));
    }

    /**
     * Saves where a run stands.
     *
     * @param keep whether what is in {@code file} becomes {@link #previous}
     * @param optimizer of the call of {@code fit} that goes on; {@code null} before the first
     * @param history of the evaluations up to now, the one before training first
     * @param trainLosses one for each epoch that is done
     * @param config what the run was asked to do, and {@code computedWith} what may change its last digits
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    static void write(
            Path file,
            boolean keep,
            Module model,
            @Nullable Optimizer optimizer,
            List<EpochResult> history,
            List<Double> trainLosses,
            RunConfig config,
            Map<String, String> computedWith)
            throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Object> dict = new LinkedHashMap<>();
            dict.put("format_version", VERSION);
            dict.put("epoch", history.size() - 1);
            dict.put("config", config.options());
            dict.put("computed_with", computedWith);
            dict.put("history", history.stream().map(Checkpoint::asInPython).toList());
            dict.put("train_losses", trainLosses);
            dict.put("model_state_dict", StateDict.of(model));
            dict.put("optimizer_state_dict", optimizer == null ? Map.of() : OptimizerState.of(optimizer));
            dict.put("rng_state", TorchRandom.state());
            PtFile.writeDict(file, keep ? previous(file) : null, dict);
        }
    }

    private static Map<String, Double> asInPython(EpochResult result) {
        Map<String, Double> dict = new LinkedHashMap<>();
        dict.put("val_loss", result.valLoss());
        dict.put("val_acc", result.valAcc());
        return dict;
    }

    /**
     * Reads what a run has saved.
     *
     * @return a checkpoint that the caller closes
     * @throws InputException if the file is not there, is damaged or no checkpoint; the message then names the one
     *     before it, if that one is good
     * @throws IOException if the disk fails
     */
    public static Checkpoint read(Path file) throws IOException {
        try {
            return read(file, "begin again without --resume");
        } catch (InputException e) {
            Path previous = previous(file);
            if (!isUsable(previous)) {
                throw e;
            }
            return read(file, "the one before it is good: --resume " + previous);
        }
    }

    /**
     * The device that a run was computed on, in PyTorch's spelling; LibTorch need not have started.
     *
     * @return empty if the file does not say; {@link #read} says what is wrong with it
     */
    public static String device(Path file) throws IOException {
        try {
            return PtFile.readDict(
                    file,
                    new InvalidFile(file, "checkpoint", ""),
                    dict -> dict.dict("computed_with").texts().getOrDefault("device", ""));
        } catch (InputException e) {
            return "";
        }
    }

    private static boolean isUsable(Path file) {
        try (Checkpoint checkpoint = read(file, "")) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static Checkpoint read(Path file, String remedy) throws IOException {
        InputException.requireFile(file, remedy);
        InvalidFile refusal = new InvalidFile(file, "checkpoint", remedy);
        try (TensorScope scope = TensorScope.open()) {
            Checkpoint checkpoint = PtFile.readDict(file, refusal, dict -> read(file, dict, refusal));
            checkpoint.tensors().forEach(scope::keep);
            return checkpoint;
        }
    }

    private static Checkpoint read(Path file, PtDict dict, InvalidFile refusal) throws IOException {
        long version = dict.number("format_version");
        if (version != VERSION) {
            throw refusal.because(
                    "it is of version " + version + " of the format, and this program reads version " + VERSION);
        }
        List<EpochResult> history = new ArrayList<>();
        for (PtDict result : dict.dicts("history")) {
            history.add(new EpochResult(result.decimal("val_loss"), result.decimal("val_acc")));
        }
        if (history.isEmpty() || dict.number("epoch") != history.size() - 1) {
            throw refusal.because("its history is not that of " + dict.number("epoch") + " epochs");
        }
        // A checkpoint of before these were kept is as good otherwise.
        List<Double> trainLosses = dict.has("train_losses")
                ? dict.decimals("train_losses")
                : Collections.nCopies(history.size() - 1, Double.NaN);
        if (trainLosses.size() != history.size() - 1) {
            throw refusal.because("its train_losses are not those of " + (history.size() - 1) + " epochs");
        }
        RunConfig config = config(dict, refusal);
        if (history.size() - 1 > config.epochs()) {
            throw refusal.because("it has more epochs than its schedule");
        }
        List<Map<String, Object>> optimizer = new ArrayList<>();
        PtDict saved = dict.dict("optimizer_state_dict");
        if (saved.size() > 0) {
            PtDict state = saved.dict("state");
            for (long i = 0; i < state.size(); i++) {
                optimizer.add(state.dict(i).numbersAndTensors());
            }
        }
        return new Checkpoint(
                file,
                refusal,
                config,
                dict.dict("computed_with").texts(),
                history,
                trainLosses,
                dict.dict("model_state_dict").tensors(),
                optimizer,
                dict.tensor("rng_state"));
    }

    private static RunConfig config(PtDict dict, InvalidFile refusal) throws IOException {
        try {
            return RunConfig.of(dict.dict("config").texts(), /* numWorkers= */ 0);
        } catch (IllegalArgumentException e) {
            throw refusal.because(LibTorch.firstLine(e));
        }
    }

    /** Where it was read from. */
    public Path file() {
        return file;
    }

    /** What the run was asked to do. */
    public RunConfig config() {
        return config;
    }

    /** What may change the last digits of a run. */
    public Map<String, String> computedWith() {
        return computedWith;
    }

    /** The evaluation before training and after each epoch that is done. */
    public List<EpochResult> history() {
        return List.copyOf(history);
    }

    /** The mean loss of the steps of each epoch that is done; NaN where it is not known. */
    public List<Double> trainLosses() {
        return List.copyOf(trainLosses);
    }

    /** How many epochs are done, of the whole schedule. */
    public int epochs() {
        return history.size() - 1;
    }

    /**
     * Gives a model the saved weights, and the default generator the saved state.
     *
     * @param model of the same sizes and dtype
     * @throws InputException if the weights are not those of such a model
     */
    public void restore(Module model) throws InputException {
        StateDict.load(model, this.model, file);
        try (TensorScope scope = TensorScope.open()) {
            requireFit(StateDict.parameters(model).values());
            TorchRandom.setState(rngState);
        } catch (RuntimeException e) { // LibTorch's
            throw refusal.because("its rng_state is not the state of a generator", e);
        }
    }

    /** What belongs to a parameter has its shape and dtype. */
    private void requireFit(Collection<Tensor> parameters) throws InputException {
        if (!optimizer.isEmpty() && optimizer.size() != parameters.size()) {
            throw refusal.because("its optimizer has " + optimizer.size() + " parameters, not " + parameters.size());
        }
        Iterator<Map<String, Object>> states = optimizer.iterator();
        for (Tensor parameter : parameters) {
            Collection<Object> state = states.hasNext() ? states.next().values() : List.of();
            for (Object value : state) {
                if (value instanceof Tensor tensor
                        && !(Arrays.equals(tensor.shape(), parameter.shape())
                                && tensor.scalar_type().intern()
                                        == parameter.scalar_type().intern())) {
                    throw refusal.because("the state of its optimizer is not of this network");
                }
            }
        }
    }

    /**
     * Makes optimizers that go on from the saved state, for a call of {@code fit} that was interrupted.
     *
     * @return a factory that throws an {@link UncheckedIOException} if the state is not that of such an optimizer
     */
    public OptimizerFactory restoring(OptimizerFactory factory) {
        return (parameters, lr) -> {
            Optimizer made = factory.create(parameters, lr);
            try (TensorScope scope = TensorScope.open()) {
                OptimizerState.load(made, optimizer);
                return made;
            } catch (RuntimeException e) { // LibTorch's
                made.close();
                throw new UncheckedIOException(
                        refusal.because("its optimizer_state_dict is not that of this optimizer", e));
            }
        };
    }

    /** The refusal of this checkpoint, to be thrown. */
    public InputException unusable(String reason) {
        return refusal.because(reason);
    }

    private List<Tensor> tensors() {
        List<Tensor> tensors = new ArrayList<>(model.values());
        tensors.add(rngState);
        for (Map<String, Object> state : optimizer) {
            for (Object value : state.values()) {
                if (value instanceof Tensor tensor) {
                    tensors.add(tensor);
                }
            }
        }
        return tensors;
    }

    /** Frees the tensors. */
    @Override
    public void close() {
        tensors().forEach(Tensor::close);
    }
}
