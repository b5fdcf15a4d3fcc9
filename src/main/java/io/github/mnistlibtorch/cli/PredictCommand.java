package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.device.Devices;
import io.github.mnistlibtorch.libtorch.Scope;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.vision.DigitPicture;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
import org.bytedeco.pytorch.global.torch.ScalarType;
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
            "  mnist-libtorch predict --json --model wide/model.pt seven.png"
        })
final class PredictCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "FILE",
            defaultValue = "mnist-run/model.pt",
            converter = Converters.OfPath.class,
            description = "Weights, in the safetensors format or as torch.save writes them. Default: ${DEFAULT-VALUE}.")
    private Path model = Path.of("");

    @Option(names = "--json", description = "Print a JSON array, for programs, with the probabilities of all digits.")
    private boolean json;

    @Parameters(
            arity = "1..*",
            paramLabel = "IMAGE",
            converter = Converters.OfPath.class,
            description = "PNG, JPEG, BMP or GIF, of any size, dark on light or light on dark, one digit on each.")
    private List<Path> pictures = List.of();

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    /** @param probabilities of the digits 0 to 9 */
    private record Prediction(Path picture, double[] probabilities) {
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
                    picture,
                    first,
                    100 * probabilities[first],
                    second,
                    100 * probabilities[second]);
        }

        Map<String, Object> forPrograms() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("image", picture.toString());
            fields.put("digit", digits().get(0));
            fields.put("probability", probabilities[digits().get(0)]);
            fields.put("probabilities", probabilities);
            return fields;
        }
    }

    @Override
    public Integer call() throws IOException {
        Device device = deviceOption.start();
        List<Prediction> predictions = new ArrayList<>();
        IOException refused = null;
        try (MnistModel network = MnistModel.load(model)) {
            EvaluateCommand.requireMnist(network, model);
            Devices.toDevice(network, device);
            for (Path picture : pictures) {
                try {
                    predictions.add(new Prediction(picture, probabilities(network, picture, device)));
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
                    .writeValueAsString(
                            predictions.stream().map(Prediction::forPrograms).toList()));
        } else {
            predictions.forEach(System.out::println);
        }
        if (refused != null) {
            throw refused;
        }
        return 0;
    }

    private static double[] probabilities(MnistModel network, Path file, Device device) throws IOException {
        try (Scope scope = Scope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Tensor picture = Devices.toDevice(DigitPicture.read(file), device, network.dtype());
            Tensor probabilities = network.forward(picture)
                    .softmax(/* dim= */ 1)
                    .to(ScalarType.Double)
                    .cpu();
            double[] values = new double[(int) probabilities.numel()];
            probabilities.data_ptr_double().get(values);
            return values;
        }
    }
}
