package io.github.mnistlibtorch.app.run;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
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
            Checkpoint.write(
                    file,
                    ours,
                    requireNonNull(model),
                    training.optimizer(),
                    training.history(),
                    training.trainLosses(),
                    config,
                    computedWith);
            ours = true;
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(
                    file + " cannot be written (" + LibTorch.firstLine(e) + "); "
                            + (ours ? "when that is mended, go on with --resume " + file : "choose another --out"),
                    e));
        }
    }
}
