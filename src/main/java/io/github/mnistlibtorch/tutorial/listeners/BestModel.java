package io.github.mnistlibtorch.tutorial.listeners;

import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.Module;

/**
 * Saves the weights after each epoch whose {@code val_loss} is the lowest so far: Keras'
 * {@code ModelCheckpoint(file, save_best_only=True)}, as {@code torch.save(model.state_dict(), file)} writes them.
 *
 * <pre>{@code
 * fit(10, 0.5, model, trainLoader, valLoader, OptimizerFactory.SGD, new BestModel(model, Path.of("best.pt")));
 * }</pre>
 */
public final class BestModel implements TrainingListener {
    private final Module model;
    private final Path file;

    /** Of all calls of {@code fit} that this listens to. */
    private double lowest = Double.POSITIVE_INFINITY;

    /**
     * @param model whose weights to save; stays the caller's
     * @param file replaced or created, whole or not at all
     * @throws IllegalArgumentException if its folder is not there
     */
    public BestModel(Module model, Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new IllegalArgumentException(folder + " is not a folder; make it before " + file + " is saved there");
        }
        this.model = model;
        this.file = file;
    }

    /** @throws UncheckedIOException if the file cannot be written; it is then as it was before */
    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        if (result.valLoss() < lowest) {
            lowest = result.valLoss();
            try {
                StateDict.save(model, file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
