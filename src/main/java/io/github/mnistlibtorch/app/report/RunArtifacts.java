package io.github.mnistlibtorch.app.report;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.app.run.RunTimings;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.plot.Fonts;
import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** What {@code train} writes beside the article's own results: more images, and the report. */
public final class RunArtifacts implements RunListener {
    /** In the folder of the run. */
    public static final List<String> FILES = List.of("confusion.png", "mistakes.png", "hidden.png", "report.html");

    private final Path out;
    private @Nullable Subset<LabeledImage> heldOut;
    private @Nullable Predictions predictions;
    private @Nullable Details details;
    private @Nullable HiddenUnits hiddenUnits;
    private @Nullable TrainingState training;
    private int trainSize;
    private long parameters;

    private final ImageSpec images;

    /** @param images that the run trains on */
    public RunArtifacts(Path out, ImageSpec images) {
        this.out = out;
        this.images = images;
    }

    @Override
    public void onSplit(Subset<LabeledImage> train, Subset<LabeledImage> val) {
        trainSize = train.size();
        heldOut = val;
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        this.training = training;
    }

    @Override
    public void onRunEnd(ImageClassificationBase model) {
        Subset<LabeledImage> val = requireNonNull(heldOut);
        Predictions answers = Predictions.of(model, val);
        int[] chosen = Details.choose(answers, Report.mostMistakes(images), Report.SAMPLES);
        Details shown = Details.of(model, val, answers, chosen);
        predictions = answers;
        details = shown;
        hiddenUnits = new HiddenUnits(model, images, shown.mentioned());
        try (TensorScope scope = TensorScope.open()) {
            parameters = StateDict.parameters(model).values().stream()
                    .mapToLong(Tensor::numel)
                    .sum();
        }
    }

    /**
     * To be done last, when the weights are safe and the article's own images are there.
     *
     * @param timings how long it took: of the report, the only numbers that are others in the next run
     */
    public void write(RunConfig config, List<EpochResult> history, RunTimings timings) throws IOException {
        Subset<LabeledImage> val = requireNonNull(heldOut);
        Predictions answers = requireNonNull(predictions);
        HiddenUnits units = requireNonNull(hiddenUnits);
        Map<String, Object> facts = new LinkedHashMap<>(timings.timings());
        facts.put("model", config.model());
        facts.put("trainSize", trainSize);
        facts.put("parameters", parameters);
        facts.put("seed", Long.toString(config.seed())); // JavaScript's numbers have fewer digits
        facts.put("libtorch", Environment.libTorchVersion());
        facts.put("blas", Environment.blas());
        Report report = new Report(
                config.options(),
                Environment.describe(),
                facts,
                config.schedule(),
                history,
                requireNonNull(training).trainLosses(),
                val,
                answers,
                requireNonNull(details),
                units,
                images,
                command(config.options()));
        Map<String, Drawing> drawings = Map.of(
                "mistakes.png",
                png -> MisclassifiedImages.write(png, val, answers, images),
                "confusion.png",
                png -> ConfusionMatrix.write(png, answers, images.classes(), images.areDigits()),
                "hidden.png",
                units::write);
        report.write(out.resolve("report.html")); // needs nothing that a Java may lack
        drawings.entrySet().parallelStream()
                .forEach(drawing -> drawing.getValue().draw(out.resolve(drawing.getKey())));
    }

    private static String command(Map<String, String> configuration) {
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
        return command.toString();
    }

    @FunctionalInterface
    private interface Drawing {
        void write(Path png) throws IOException;

        /** A picture that this Java cannot draw is left out. */
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
