package io.github.mnistlibtorch.torch.plot;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The article's first plot: {@code plt.plot([x['val_loss'] for x in history], '-x')}. */
public final class LossPlot {
    private LossPlot() {}

    /**
     * Draws validation loss vs. number of epochs, and training loss as a thin line beside it, as in {@link #write(Path, List)}.
     *
     * @param trainLosses one for each epoch, which stands in the middle of it: it is the mean of the losses on the way;
     *     one that is NaN or infinite leaves a gap
     */
    public static void write(Path png, List<Double> valLosses, List<Double> trainLosses) throws IOException {
        if (Fonts.canDraw(png)) {
            LineChart.write(png, "loss", valLosses, trainLosses);
        }
    }

    /**
     * Draws loss vs. number of epochs as a PNG of 8 x 5 inches at 144 dpi. Losses that are NaN or infinite leave a
     * gap, and a line under the title names their epochs.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param valLosses validation losses, the first of them before training, then one per epoch; at least one
     * @throws IllegalArgumentException if {@code valLosses} is empty
     * @throws IOException if the file cannot be written
     */
    public static void write(Path png, List<Double> valLosses) throws IOException {
        write(png, valLosses, List.of());
    }
}
