package io.github.mnistlibtorch.app.run;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.optim.OptimizerState;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;

/** Saves a {@link Checkpoint} before the first epoch of a run and after each. */
public final class CheckpointWriter implements RunListener {
    private final Path file;
    private final RunConfig config;
    private final Map<String, String> computedWith;
    private @Nullable ImageClassificationBase model;

    /** Whether what is in the file is of this run, and good. */
    private boolean ours;

    /**
     * @param file to write; the checkpoint before the last is kept beside it
     * @param config what the run is asked to do
     * @param computedWith what may change its last digits
     * @param resumed the file of the checkpoint that the run goes on from, if it does
     */
    public CheckpointWriter(Path file, RunConfig config, Map<String, String> computedWith, @Nullable Path resumed) {
        this.file = file;
        this.config = config;
        this.computedWith = computedWith;
        ours = resumed != null
                && resumed.toAbsolutePath()
                        .normalize()
                        .equals(file.toAbsolutePath().normalize());
    }

    /** Whether there is something to go on from. */
    public boolean hasCheckpoint() {
        return ours;
    }

    @Override
    public void onModelCreated(ImageClassificationBase model) {
        this.model = model;
    }

    /** @throws UncheckedIOException if the checkpoint cannot be written */
    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        if (!resumed) {
            write(training);
        }
    }

    /** @throws UncheckedIOException if the checkpoint cannot be written */
    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        write(training);
    }

    private void write(TrainingState training) {
        try {
            write(requireNonNull(model), training.optimizer(), training.history(), training.trainLosses());
            ours = true;
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(
                    file + " cannot be written (" + OutputPaths.reason(e) + "); "
                            + (ours && Files.exists(file)
                                    ? "when that is mended, go on with --resume " + file
                                    : "choose another --out"),
                    e));
        }
    }

    /**
     * Saves where a run stands.
     *
     * @param optimizer of the call of {@code fit} that goes on; {@code null} before the first
     * @param history of the evaluations up to now, the one before training first
     * @param trainLosses one for each epoch that is done
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    void write(Module model, @Nullable Optimizer optimizer, List<EpochResult> history, List<Double> trainLosses)
            throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Object> dict = new LinkedHashMap<>();
            dict.put("format_version", Checkpoint.VERSION);
            dict.put("epoch", history.size() - 1);
            dict.put("config", config.options());
            dict.put("computed_with", computedWith);
            dict.put("history", history.stream().map(CheckpointWriter::asDict).toList());
            dict.put("train_losses", trainLosses);
            dict.put("classes", config.images().classes());
            dict.put(
                    "model_state_dict",
                    new PtFile.Annotated(StateDict.of(model), config.images().toMetadata()));
            dict.put("optimizer_state_dict", optimizer == null ? Map.of() : OptimizerState.of(optimizer));
            dict.put("rng_state", TorchRandom.state());
            PtFile.writeDict(file, ours ? Checkpoint.previous(file) : null, dict);
        }
    }

    private static Map<String, Double> asDict(EpochResult result) {
        Map<String, Double> dict = new LinkedHashMap<>();
        dict.put("val_loss", result.valLoss());
        dict.put("val_acc", result.valAcc());
        return dict;
    }
}
