package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.StateDict;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
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

    /**
     * @param model whose weights to save; stays the caller's
     * @param file replaced or created, whole or not at all; its folder must exist
     */
    public BestModel(Module model, Path file) {
        this.model = model;
        this.file = file;
    }

    /** @throws UncheckedIOException if the file cannot be written; it is then as it was before */
    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        List<EpochResult> history = training.history();
        int epochsBefore = training.epochsDone() - 1;
        boolean lowest = history.subList(history.size() - 1 - epochsBefore, history.size() - 1).stream()
                .noneMatch(before -> before.valLoss() <= result.valLoss());
        if (lowest && !Double.isNaN(result.valLoss())) {
            try {
                StateDict.save(model, file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
