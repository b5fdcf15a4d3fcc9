package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.app.run.ImageSpec;
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

/** The images that a model is surest of, and wrong. */
final class MisclassifiedImages {
    private static final int MOST = 32;

    /** Longer names have a line of their own. */
    private static final int SHORT = 3;

    private MisclassifiedImages() {}

    /**
     * Draws up to 32 images with a wrong answer, the most confident first: what each shows, what the model says, and how
     * sure it is.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param dataset what was predicted
     * @param spec of its images
     * @throws IOException if the file cannot be written
     */
    static void write(Path png, Dataset<LabeledImage> dataset, Predictions predictions, ImageSpec spec)
            throws IOException {
        List<Integer> mistakes = predictions.misclassified();
        List<ImageGridPlot.Image> images = new ArrayList<>();
        boolean areShort = spec.classes().stream().allMatch(name -> name.length() <= SHORT);
        for (int position : mistakes.subList(0, Math.min(MOST, mistakes.size()))) {
            String caption = String.format(
                    Locale.ROOT,
                    areShort ? "%s, not %s (%.0f %%)" : "%s,\nnot %s\n(%.0f %%)",
                    spec.classes().get(predictions.labels()[position]),
                    spec.classes().get(predictions.predictedLabels()[position]),
                    100 * predictions.probabilities()[position]);
            try (var image = dataset.get(position).image();
                    var upright = spec.isTransposed() ? image.transpose(1, 2) : image.detach()) {
                images.add(ImageGridPlot.Image.of(
                        Tensors.toFloats(upright),
                        spec.channels(),
                        spec.columns(),
                        caption,
                        grey -> Canvas.tint(Color.BLACK, 1 - grey)));
            }
        }
        String title = mistakes.isEmpty()
                ? "No mistakes"
                : String.format(
                        Locale.ROOT,
                        "The surest of %,d mistakes: %s, not answer",
                        mistakes.size(),
                        spec.areDigits() ? "digit" : "class");
        ImageGridPlot.write(png, title, images);
    }
}
