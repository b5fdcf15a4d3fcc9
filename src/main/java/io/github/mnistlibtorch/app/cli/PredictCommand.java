package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.predict.Box;
import io.github.mnistlibtorch.app.predict.DigitClassifier;
import io.github.mnistlibtorch.app.predict.DigitPreprocessor;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.vision.Pixels;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** {@code predict}: what is it? */
@Command(
        name = "predict",
        description = "Say which digit each picture shows, or which of the classes that the network was trained on.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch predict seven.png four.jpg",
            "  mnist-libtorch predict --explain seven.png",
            "  mnist-libtorch predict --all number.jpg",
            "  mnist-libtorch predict --json --model wide/model.pt seven.png"
        })
final class PredictCommand implements Callable<Integer> {
    /** From nothing to full ink. */
    private static final String SHADES = " .:-=+*#%@";

    @Mixin
    private ModelOption modelOption = new ModelOption();

    @Option(names = "--json", description = "Print a JSON array, for programs, with the probabilities of all digits.")
    private boolean json;

    @Option(names = "--all", description = "Read every digit of a picture, from left to right.")
    private boolean all;

    @Parameters(
            arity = "1..*",
            paramLabel = "IMAGE",
            description = "PNG, JPEG, BMP or GIF, of any size, dark on light or light on dark.")
    private List<Path> images = List.of();

    @Option(names = "--explain", description = "Show how a digit was found, and what the network saw of it, as text.")
    private boolean explain;

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    /** @param number which of the picture's digits it is, from 1; 0 if only one was asked for */
    private record Prediction(
            Path image, int number, DigitPreprocessor.Digits found, DigitClassifier.Answer answer, ImageSpec images) {
        @Override
        public String toString() {
            double[] probabilities = answer.probabilities();
            List<Integer> classes = answer.classes();
            int first = classes.get(0);
            int second = classes.get(Math.min(1, classes.size() - 1));
            String of =
                    number == 0 ? "" : ", " + number + " of " + found.digits().size();
            String unsure = answer.unsure();
            return String.format(
                    Locale.ROOT,
                    "%s%s: %s (%.1f %%), then %s (%.1f %%)%s",
                    PlainText.of(image.toString()),
                    of,
                    name(first),
                    100 * probabilities[first],
                    name(second),
                    100 * probabilities[second],
                    unsure == null
                            ? ""
                            : "; unsure: " + unsure
                                    + (found.digits().size() > 1 && number == 0 ? ", read them with --all" : ""));
        }

        private String name(int label) {
            return PlainText.of(images.classes().get(label));
        }

        Map<String, Object> forPrograms(boolean withPixels) {
            Map<String, Object> fields = new LinkedHashMap<>();
            int label = answer.classes().get(0);
            fields.put("image", image.toString());
            if (number > 0) {
                fields.put("number", number);
            }
            if (images.areDigits()) {
                fields.put("digit", label);
            }
            fields.put("class", images.classes().get(label));
            fields.put("label", label);
            fields.put("probability", answer.probabilities()[label]);
            fields.put("unsure", answer.unsure());
            fields.put("probabilities", answer.probabilities());
            fields.put("box", answer.seen().box());
            if (withPixels) {
                fields.put("steps", found.steps());
                fields.put("seen", seen());
            }
            return fields;
        }

        /** Row by row; of a picture in colour, how bright it is. */
        private float[][] seen() {
            Pixels seen = answer.seen().seen().grey();
            float[][] rows = new float[seen.height()][seen.width()];
            for (int i = 0; i < seen.samples().length; i++) {
                rows[i / seen.width()][i % seen.width()] = (seen.samples()[i] & 0xff) / 255f;
            }
            return rows;
        }

        void explain() {
            DigitPreprocessor.Steps steps = found.steps();
            Box box = answer.seen().box();
            if (steps == null) {
                System.out.println(
                        images.inkSize() == 0
                                ? "  taken whole, as " + images.columns() + " x " + images.rows() + " pixels"
                                : "  taken as it is: "
                                        + (images.areDigits()
                                                ? "a digit lies in it as in MNIST's pictures"
                                                : "what it shows lies in it as in the pictures of the set"));
            } else {
                System.out.printf(
                        Locale.ROOT,
                        "  paper: brightness %.2f, the ink is %s; what differs by less than %.0f %% is grain%n"
                                + "  ink: components: %d, digits: %d%n"
                                + "  digit: columns %d to %d, rows %d to %d%n",
                        steps.paper(),
                        steps.isDarkOnLight() ? "darker" : "lighter",
                        100 * steps.leastInk(),
                        steps.components(),
                        found.digits().size(),
                        box.left(),
                        box.left() + box.width() - 1,
                        box.top(),
                        box.top() + box.height() - 1);
            }
            printSeen(seen());
        }

        /** A line for two rows of pixels, as a character is about twice as high as it is wide. */
        private static void printSeen(float[][] seen) {
            for (int row = 0; row + 1 < seen.length; row += 2) {
                StringBuilder line = new StringBuilder("  ");
                for (int column = 0; column < seen[row].length; column++) {
                    float grey = (seen[row][column] + seen[row + 1][column]) / 2;
                    line.append(SHADES.charAt(Math.round(grey * (SHADES.length() - 1))));
                }
                System.out.println(line.toString().stripTrailing());
            }
        }
    }

    @Override
    public Integer call() throws IOException {
        Device device = deviceOption.start();
        List<Prediction> predictions = new ArrayList<>();
        IOException refused = null;
        MnistModels.Saved model = modelOption.load(device);
        DigitPreprocessor preprocessor = new DigitPreprocessor(model.images());
        try (ImageClassificationBase network = model.network()) {
            DigitClassifier classifier = new DigitClassifier(model, device);
            for (Path image : images) {
                try {
                    DigitPreprocessor.Digits found = preprocessor.read(image);
                    predictions.addAll(predict(classifier, image, found, model.images()));
                } catch (IOException e) {
                    // The others are answered all the same.
                    if (refused != null) {
                        System.err.println(CommandLineInterface.line(refused));
                    }
                    refused = e;
                }
            }
        }
        if (json) {
            System.out.println(JsonMapper.builder()
                    .enable(SerializationFeature.INDENT_OUTPUT)
                    .build()
                    .writeValueAsString(predictions.stream()
                            .map(prediction -> prediction.forPrograms(explain))
                            .toList()));
        } else {
            for (Prediction prediction : predictions) {
                System.out.println(prediction);
                if (explain) {
                    prediction.explain();
                }
            }
        }
        if (refused != null) {
            throw refused;
        }
        return 0;
    }

    private List<Prediction> predict(
            DigitClassifier classifier, Path file, DigitPreprocessor.Digits found, ImageSpec images) {
        if (!all) {
            return List.of(new Prediction(file, 0, found, classifier.answerLargest(found), images));
        }
        List<DigitClassifier.Answer> answers = classifier.answerAll(found);
        return IntStream.range(0, answers.size())
                .mapToObj(i -> new Prediction(file, i + 1, found, answers.get(i), images))
                .toList();
    }
}
