package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.optim.OptimizerState;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Resources;
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
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;

/**
 * A run between two epochs, as a file: all that the rest of it depends on, so that it ends like a run that was never
 * interrupted, bit for bit.
 *
 * <p>The file is a dictionary that {@code torch.load} reads: {@code model_state_dict}, {@code optimizer_state_dict},
 * {@code rng_state}, {@code history}, {@code train_losses} (of the epochs), {@code epoch} (how many are done),
 * {@code config}, {@code computed_with}, {@code classes} (their names, by label) and {@code format_version}. Each of its parts has a checksum, as in every file of {@code torch.save}.
 *
 * @param refusal says why it cannot be used
 * @param config what the run was asked to do
 * @param computedWith what may change the last digits of a run, and where its data were
 * @param history the evaluation before training and after each epoch that is done
 * @param trainLosses the mean loss of the steps of each epoch that is done; NaN where it is not known
 * @param model its state dict
 * @param optimizer what it holds of each parameter; empty before its first step
 * @param rngState of the default generator
 */
public record Checkpoint(
        InvalidFile refusal,
        RunConfig config,
        Map<String, String> computedWith,
        List<EpochResult> history,
        List<Double> trainLosses,
        Map<String, Tensor> model,
        List<Map<String, Object>> optimizer,
        Tensor rngState)
        implements AutoCloseable {
    /** Of the dictionary; another one is refused. */
    static final int VERSION = 1;

    /** Where the checkpoint before the one in {@code file} is kept: {@code checkpoint.previous.pt} in the same folder. */
    public static Path previous(Path file) {
        String name = String.valueOf(file.getFileName());
        int dot = Math.max(0, name.lastIndexOf('.'));
        return file.resolveSibling(name.substring(0, dot) + ".previous" + name.substring(dot));
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

    /** Whether a file says that epochs of its run are left to train; LibTorch need not have started. */
    public static boolean isUnfinished(Path file) throws IOException {
        InvalidFile refusal = new InvalidFile(file, "checkpoint", "");
        try {
            return PtFile.readDict(
                    file,
                    refusal,
                    dict -> dict.number("epoch") < config(dict, refusal).epochs());
        } catch (InputException e) {
            return false; // it says nothing
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
            Checkpoint checkpoint = PtFile.readDict(file, refusal, dict -> read(dict, refusal));
            if (checkpoint.tensors().stream().anyMatch(tensor -> !tensor.is_non_overlapping_and_dense())) {
                throw refusal.because("elements of its tensors share their memory");
            }
            checkpoint.requireSizes();
            checkpoint.tensors().forEach(scope::keep);
            return checkpoint;
        }
    }

    private static Checkpoint read(PtDict dict, InvalidFile refusal) throws IOException {
        long version = dict.number("format_version");
        if (version != VERSION) {
            throw refusal.because(
                    "it is of version " + version + " of the format, and this program reads version " + VERSION);
        }
        List<EpochResult> history = new ArrayList<>();
        for (PtDict result : dict.dicts("history")) {
            history.add(new EpochResult(result.decimal("val_loss"), result.decimal("val_acc")));
        }
        int epochs = history.size() - 1;
        if (history.isEmpty() || dict.number("epoch") != epochs) {
            throw refusal.because("its history is not that of " + dict.number("epoch") + " epochs");
        }
        // A checkpoint of before these were kept is as good otherwise.
        List<Double> trainLosses =
                dict.has("train_losses") ? dict.decimals("train_losses") : Collections.nCopies(epochs, Double.NaN);
        if (trainLosses.size() != epochs) {
            throw refusal.because("its train_losses are not those of " + epochs + " epochs");
        }
        RunConfig config = config(dict, refusal);
        if (epochs > config.epochs()) {
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
                refusal,
                config,
                dict.dict("computed_with").texts(),
                List.copyOf(history),
                List.copyOf(trainLosses),
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

    /** Before memory is taken for a network: a configuration could ask for any. */
    private void requireSizes() throws InputException {
        int layer = 1;
        for (long size : config.hiddenSizes()) {
            Tensor weight = model.get("linear" + layer++ + ".weight");
            if (weight == null || weight.dim() != 2 || weight.size(0) != size) {
                throw refusal.because("its weights are not those of --hidden-size "
                        + config.options().get("hidden-size"));
            }
        }
    }

    /** Where it was read from. */
    public Path file() {
        return refusal.file();
    }

    /** How many epochs are done, of the whole schedule. */
    public int epochs() {
        return history.size() - 1;
    }

    /** Converted weights would go on as another run. */
    private void requireDtypes(Module model) throws InputException {
        try (TensorScope scope = TensorScope.open()) {
            for (Map.Entry<String, Tensor> own : StateDict.of(model).entrySet()) {
                Tensor saved = this.model.get(own.getKey());
                if (saved != null
                        && saved.scalar_type().intern()
                                != own.getValue().scalar_type().intern()) {
                    throw refusal.because("its \"" + own.getKey() + "\" is " + saved.scalar_type()
                            + ", and the model's is " + own.getValue().scalar_type());
                }
            }
        }
    }

    /**
     * Gives a model the saved weights, and the default generator the saved state.
     *
     * @param model of the same sizes and dtype
     * @throws InputException if the weights are not those of such a model
     */
    public void restore(Module model) throws InputException {
        requireDtypes(model);
        StateDict.load(model, this.model, file());
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
            if (states.hasNext() && !tensors(states.next()).allMatch(tensor -> fits(tensor, parameter))) {
                throw refusal.because("the state of its optimizer is not of this network");
            }
        }
    }

    private static boolean fits(Tensor tensor, Tensor parameter) {
        return Arrays.equals(tensor.shape(), parameter.shape())
                && tensor.scalar_type().intern() == parameter.scalar_type().intern();
    }

    /**
     * Makes optimizers that go on from the saved state, for a call of {@code fit} that was interrupted.
     *
     * @return a factory that throws an {@link UncheckedIOException} if the state is not that of such an optimizer
     */
    public OptimizerFactory restoring(OptimizerFactory factory) {
        return (parameters, lr) -> {
            Optimizer made = factory.create(parameters, lr);
            return Resources.closeOnFailure(made::close, () -> {
                try (TensorScope scope = TensorScope.open()) {
                    OptimizerState.load(made, optimizer);
                    return made;
                } catch (RuntimeException e) { // LibTorch's
                    throw new UncheckedIOException(
                            refusal.because("its optimizer_state_dict is not that of this optimizer", e));
                }
            });
        };
    }

    private static Stream<Tensor> tensors(Map<String, Object> state) {
        return state.values().stream().filter(Tensor.class::isInstance).map(Tensor.class::cast);
    }

    private List<Tensor> tensors() {
        List<Tensor> tensors = new ArrayList<>(model.values());
        tensors.add(rngState);
        optimizer.stream().flatMap(Checkpoint::tensors).forEach(tensors::add);
        return tensors;
    }

    /** Frees the tensors. */
    @Override
    public void close() {
        tensors().forEach(Tensor::close);
    }
}
