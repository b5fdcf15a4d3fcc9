package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.plot.Canvas;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A picture of the digits that a model is surest of, and wrong. */
public final class MisclassifiedImages {
    private static final int MOST = 32;

    private MisclassifiedImages() {}

    /**
     * Draws up to 32 pictures with a wrong answer, the most confident first: what each shows, what the model says, and how
     * sure it is.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param dataset what was predicted: pictures of one channel
     * @throws IOException if the file cannot be written
     */
    public static void write(Path png, Dataset<LabeledImage> dataset, Predictions predictions) throws IOException {
        List<Integer> mistakes = predictions.misclassified();
        List<float[][]> pictures = new ArrayList<>();
        List<String> captions = new ArrayList<>();
        for (int position : mistakes.subList(0, Math.min(MOST, mistakes.size()))) {
            LabeledImage example = dataset.get(position);
            try (var image = example.image()) {
                pictures.add(ImageGridPlot.values(image, (int) image.size(-2), (int) image.size(-1)));
            }
            captions.add(String.format(
                    Locale.ROOT,
                    "%d, not %d (%.0f %%)",
                    predictions.labels()[position],
                    predictions.predictedLabels()[position],
                    100 * predictions.probabilities()[position]));
        }
        String title = mistakes.isEmpty()
                ? "No mistakes"
                : String.format(Locale.ROOT, "The surest of %,d mistakes: digit, not answer", mistakes.size());
        ImageGridPlot.write(png, title, pictures, captions, grey -> Canvas.tint(Color.BLACK, 1 - grey));
    }
}
