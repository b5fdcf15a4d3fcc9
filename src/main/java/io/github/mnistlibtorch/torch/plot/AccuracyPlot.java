package io.github.mnistlibtorch.torch.plot;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The article's second plot: {@code plt.plot([x['val_acc'] for x in history], '-x')}. */
public final class AccuracyPlot {
    private AccuracyPlot() {}

    /** Draws accuracy vs. number of epochs, from 0 to 1, in the way of {@link LossPlot#write(Path, List)}. */
    public static void write(Path png, List<Double> valAccuracies) throws IOException {
        if (Fonts.canDraw(png)) {
            LineChart.write(png, "accuracy", valAccuracies, List.of());
        }
    }
}
