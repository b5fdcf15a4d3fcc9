package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The digits that a model is surest of, and wrong. */
final class MisclassifiedImages {
    private static final int MOST = 32;

    private MisclassifiedImages() {}

    /**
     * Draws up to 32 images with a wrong answer, the most confident first: what each shows, what the model says, and how
     * sure it is.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param dataset what was predicted: images of one channel
     * @throws IOException if the file cannot be written
     */
    static void write(Path png, Dataset<LabeledImage> dataset, Predictions predictions) throws IOException {
        List<Integer> mistakes = predictions.misclassified();
        List<ImageGridPlot.Image> images = new ArrayList<>();
        for (int position : mistakes.subList(0, Math.min(MOST, mistakes.size()))) {
            String caption = String.format(
                    Locale.ROOT,
                    "%d, not %d (%.0f %%)",
                    predictions.labels()[position],
                    predictions.predictedLabels()[position],
                    100 * predictions.probabilities()[position]);
            try (var image = dataset.get(position).image()) {
                images.add(new ImageGridPlot.Image(Tensors.toFloats(image), (int) image.size(-1), caption));
            }
        }
        String title = mistakes.isEmpty()
                ? "No mistakes"
                : String.format(Locale.ROOT, "The surest of %,d mistakes: digit, not answer", mistakes.size());
        ImageGridPlot.write(png, title, images, grey -> Canvas.tint(Color.BLACK, 1 - grey));
    }
}
