package io.github.mnistlibtorch.app.report;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.plot.Fonts;
import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What {@code train} writes beside the article's own results: more images, and the report. */
public final class RunArtifacts implements RunListener {
    /** In the folder of the run. */
    public static final List<String> FILES = List.of("confusion.png", "mistakes.png", "hidden.png", "report.html");

    private final Path out;
    private @Nullable Subset<LabeledImage> heldOut;
    private @Nullable Predictions predictions;
    private @Nullable HiddenUnits hiddenUnits;

    private final ImageSpec images;

    /** @param images that the run trains on */
    public RunArtifacts(Path out, ImageSpec images) {
        this.out = out;
        this.images = images;
    }

    @Override
    public void onSplit(Subset<LabeledImage> train, Subset<LabeledImage> val) {
        heldOut = val;
    }

    @Override
    public void onRunEnd(ImageClassificationBase model) {
        predictions = Predictions.of(model, requireNonNull(heldOut));
        hiddenUnits = new HiddenUnits(model, images);
    }

    /** To be done last, when the weights are safe and the article's own images are there. */
    public void write(RunConfig config, List<EpochResult> history) throws IOException {
        Map<String, String> configuration = config.options();
        Subset<LabeledImage> val = requireNonNull(heldOut);
        Predictions answers = requireNonNull(predictions);
        HiddenUnits units = requireNonNull(hiddenUnits);
        Map<String, Drawing> drawings = Map.of(
                "mistakes.png", png -> MisclassifiedImages.write(png, val, answers, images),
                "confusion.png", png -> ConfusionMatrix.write(png, answers, images.classes(), images.areDigits()),
                "hidden.png", units::write);
        drawings.entrySet().parallelStream()
                .forEach(drawing -> drawing.getValue().draw(out.resolve(drawing.getKey())));

        Map<String, Path> pictures = new LinkedHashMap<>();
        pictures.put("Loss", out.resolve("loss.png"));
        pictures.put("Accuracy", out.resolve("accuracy.png"));
        pictures.put(
                images.areDigits() ? "Which digit is taken for which" : "Which class is taken for which",
                out.resolve("confusion.png"));
        pictures.put("The surest mistakes", out.resolve("mistakes.png"));
        pictures.put(
                config.model().equals("cnn") ? "What the filters look for" : "What the hidden units look for",
                out.resolve("hidden.png"));
        pictures.put("The first batch", out.resolve("batch.png"));
        String ranks = configuration.get(RunConfig.WORLD_SIZE);
        StringBuilder command = new StringBuilder(
                        ranks == null ? "" : "torchrun --nproc-per-node " + ranks + " --no-python ")
                .append("java -jar mnist-libtorch.jar train");
        configuration.forEach((name, value) -> {
            // The data are told by what they hold.
            if (!name.equals(RunConfig.DATA) && !name.equals(RunConfig.WORLD_SIZE)) {
                command.append(" --").append(name).append(' ').append(value);
            }
        });
        new Report(
                        configuration,
                        Environment.describe(),
                        config.schedule(),
                        history,
                        val,
                        answers,
                        images,
                        pictures,
                        command.toString())
                .write(out.resolve("report.html"));
    }

    @FunctionalInterface
    private interface Drawing {
        void write(Path png) throws IOException;

        /** A picture that this Java cannot draw is left out, and the report is whole without it. */
        default void draw(Path png) {
            try {
                if (Fonts.canDraw(png)) {
                    write(png);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
