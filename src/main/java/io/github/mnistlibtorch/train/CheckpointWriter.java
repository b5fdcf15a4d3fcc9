package io.github.mnistlibtorch.train;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.MnistModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Optimizer;
import org.jspecify.annotations.Nullable;

/** Saves a {@link Checkpoint} before the first epoch of a run and after each. */
public final class CheckpointWriter implements RunListener {
    private final Path file;
    private final Map<String, String> config;
    private final Map<String, String> computedWith;
    private final List<EpochResult> history = new ArrayList<>();
    private final List<Double> trainLosses = new ArrayList<>();
    private @Nullable MnistModel model;
    private @Nullable Optimizer optimizer;

    /** Whether what is in the file is of this run, and good. */
    private boolean ours;

    /**
     * @param file to write; the checkpoint before the last is kept beside it
     * @param config what the run is asked to do
     * @param computedWith what may change its last digits
     */
    public CheckpointWriter(Path file, Map<String, String> config, Map<String, String> computedWith) {
        this.file = file;
        this.config = config;
        this.computedWith = computedWith;
    }

    /** Whether there is something to go on from. */
    public boolean hasCheckpoint() {
        return ours;
    }

    @Override
    public void modelDrawn(MnistModel model) {
        this.model = model;
    }

    @Override
    public void resumed(Checkpoint checkpoint) {
        history.addAll(checkpoint.history());
        trainLosses.addAll(checkpoint.trainLosses());
        ours = checkpoint
                .file()
                .toAbsolutePath()
                .normalize()
                .equals(file.toAbsolutePath().normalize());
    }

    /** @throws UncheckedIOException if the checkpoint cannot be written */
    @Override
    public void evaluated(EpochResult before) {
        write(before);
    }

    @Override
    public void optimizerMade(Optimizer optimizer) {
        this.optimizer = optimizer;
    }

    /** @throws UncheckedIOException if the checkpoint cannot be written */
    @Override
    public void epochDone(int epoch, double lr, double trainLoss, EpochResult result) {
        trainLosses.add(trainLoss);
        write(result);
    }

    private void write(EpochResult result) {
        history.add(result);
        try {
            Checkpoint.write(file, ours, requireNonNull(model), optimizer, history, trainLosses, config, computedWith);
            ours = true;
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(
                    file + " cannot be written (" + LibTorch.firstLine(e) + "); "
                            + (ours ? "when that is mended, go on with --resume " + file : "choose another --out"),
                    e));
        }
    }
}
