package io.github.mnistlibtorch.torch.plot;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The article's second plot: {@code plt.plot([x['val_acc'] for x in history], '-x')}. */
public final class AccuracyPlot {
    private AccuracyPlot() {}

    /**
     * Draws accuracy vs. number of epochs as a PNG of 8 x 5 inches at 144 dpi. Accuracies that are NaN or infinite
     * leave a gap, and a line under the title names their epochs.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param valAccuracies validation accuracies from 0 to 1, the first of them before training, then one per epoch;
     *     at least one
     * @throws IllegalArgumentException if {@code valAccuracies} is empty
     * @throws IOException if the file cannot be written
     */
    public static void write(Path png, List<Double> valAccuracies) throws IOException {
        LineChart.write(png, "accuracy", valAccuracies, List.of());
    }
}
