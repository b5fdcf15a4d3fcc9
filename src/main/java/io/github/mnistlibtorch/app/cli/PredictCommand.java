package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.predict.DigitPreprocessor;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** {@code predict}: which digit is it? */
@Command(
        name = "predict",
        description = "Say which digit each picture shows.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch predict seven.png four.jpg",
            "  mnist-libtorch predict --explain seven.png",
            "  mnist-libtorch predict --json --model wide/model.pt seven.png"
        })
final class PredictCommand implements Callable<Integer> {
    /** From nothing to full ink. */
    private static final String SHADES = " .:-=+*#%@";

    @Mixin
    private ModelOption modelOption = new ModelOption();

    @Option(names = "--json", description = "Print a JSON array, for programs, with the probabilities of all digits.")
    private boolean json;

    @Parameters(
            arity = "1..*",
            paramLabel = "IMAGE",
            description = "PNG, JPEG, BMP or GIF, of any size, dark on light or light on dark, one digit on each.")
    private List<Path> images = List.of();

    @Option(names = "--explain", description = "Show what the network saw of each picture: 28 x 28 pixels, as text.")
    private boolean explain;

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    /**
     * @param probabilities of the digits 0 to 9
     * @param seen what the network was given, row by row, from 0 to 1
     */
    private record Prediction(Path image, double[] probabilities, float[][] seen) {
        List<Integer> digits() {
            return IntStream.range(0, probabilities.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(digit -> -probabilities[digit]))
                    .toList();
        }

        @Override
        public String toString() {
            int first = digits().get(0);
            int second = digits().get(1);
            return String.format(
                    Locale.ROOT,
                    "%s: %d (%.1f %%), then %d (%.1f %%)",
                    image,
                    first,
                    100 * probabilities[first],
                    second,
                    100 * probabilities[second]);
        }

        Map<String, Object> forPrograms(boolean withPixels) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("image", image.toString());
            fields.put("digit", digits().get(0));
            fields.put("probability", probabilities[digits().get(0)]);
            fields.put("probabilities", probabilities);
            if (withPixels) {
                fields.put("seen", seen);
            }
            return fields;
        }

        /** A line for two rows of pixels, as a character is about twice as high as it is wide. */
        void printSeen() {
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
        try (ImageClassificationBase model = modelOption.load(device)) {
            for (Path image : images) {
                try {
                    predictions.add(predict(model, image, device));
                } catch (IOException e) {
                    // The others are answered all the same.
                    if (refused != null) {
                        System.err.println("mnist-libtorch: " + CommandLineInterface.sentence(refused));
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
                    prediction.printSeen();
                }
            }
        }
        if (refused != null) {
            throw refused;
        }
        return 0;
    }

    private static Prediction predict(ImageClassificationBase model, Path file, Device device) throws IOException {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Tensor image = DigitPreprocessor.read(file);
            Tensor probabilities = model.forward(Devices.toDevice(image, device, MnistModels.dtype(model)))
                    .softmax(/* dim= */ 1);
            float[] pixels = Tensors.toFloats(image);
            int width = (int) image.size(-1);
            float[][] seen = IntStream.range(0, pixels.length / width)
                    .mapToObj(row -> Arrays.copyOfRange(pixels, row * width, (row + 1) * width))
                    .toArray(float[][]::new);
            return new Prediction(file, Tensors.toDoubles(probabilities), seen);
        }
    }
}
