package io.github.mnistlibtorch.app.report;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.MnistCnn;
import io.github.mnistlibtorch.tutorial.MnistMlp;
import io.github.mnistlibtorch.tutorial.MnistModel;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class DetailsTest {
    private static final double ROUNDING = 1e-4;

    private static Dataset<LabeledImage> pictures;

    @BeforeAll
    static void start() throws IOException {
        pictures = new Subset<>(
                Mnist.bundled(Mnist.Split.TEST), IntStream.range(0, 300).toArray());
    }

    private static ImageClassificationBase model(String name) {
        TorchRandom.manualSeed(3);
        return switch (name) {
            case "one layer" -> new MnistModel(784, 8, 10);
            case "two layers" -> new MnistMlp(784, List.of(12, 7), 10);
            default -> new MnistCnn(10);
        };
    }

    private static Tensor parameter(ImageClassificationBase model, String name) {
        return requireNonNull(StateDict.of(model).get(name));
    }

    /** The model itself says what its scores are. */
    @ParameterizedTest
    @ValueSource(strings = {"one layer", "two layers", "convolutions"})
    void probabilitiesAndScoresAreTheModels(String name) {
        try (ImageClassificationBase model = model(name);
                TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Predictions predictions = Predictions.of(model, pictures);
            for (Details.Image image :
                    Details.of(model, pictures, predictions, 299, 0, 7).images()) {
                Tensor outputs =
                        model.forward(pictures.get(image.position()).image().unsqueeze(0));
                double[] scores = Tensors.toDoubles(outputs);
                double[] probabilities = Tensors.toDoubles(outputs.softmax(1));
                assertThat(image.score()).isCloseTo(scores[image.answer()], within(ROUNDING));
                assertThat(image.probabilities()).hasSize(10);
                for (int i = 0; i < 10; i++) {
                    assertThat(image.probabilities()[i]).isCloseTo(probabilities[i], within(ROUNDING));
                }
                assertThat(image.answer()).isEqualTo(predictions.predictedLabels()[image.position()]);
                assertThat(image.label()).isEqualTo(predictions.labels()[image.position()]);
            }
        }
    }

    /** As LibTorch computes it from the weights: {@code relu(linear1(x)) * linear2.weight[answer]}. */
    @Test
    void whatAUnitAddsIsItsActivationTimesItsWeight() {
        try (ImageClassificationBase model = model("one layer");
                TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Predictions predictions = Predictions.of(model, pictures);
            for (Details.Image image :
                    Details.of(model, pictures, predictions, 3, 8).images()) {
                Tensor hidden = torch.relu(parameter(model, "linear1.weight")
                        .mv(pictures.get(image.position()).image().flatten())
                        .add(parameter(model, "linear1.bias")));
                double[] activations = Tensors.toDoubles(hidden);
                Tensor weight = parameter(model, "linear2.weight");
                double[] adds = Tensors.toDoubles(hidden.mul(weight.get(image.answer())));
                double[] addsToLabel = Tensors.toDoubles(hidden.mul(weight.get(image.label())));
                assertThat(image.units()).isNotEmpty();
                for (Details.Unit unit : image.units()) {
                    assertThat(unit.activation()).isCloseTo(activations[unit.index()], within(ROUNDING));
                    assertThat(unit.adds()).isCloseTo(adds[unit.index()], within(ROUNDING));
                    assertThat(unit.addsToLabel()).isCloseTo(addsToLabel[unit.index()], within(ROUNDING));
                }
                List<Double> strongest = Arrays.stream(adds)
                        .filter(one -> one > 0)
                        .boxed()
                        .sorted((a, b) -> Double.compare(b, a))
                        .limit(5)
                        .toList();
                assertThat(image.units()).hasSameSizeAs(strongest);
                assertThat(image.units().get(0).adds()).isCloseTo(strongest.get(0), within(ROUNDING));
            }
        }
    }

    /** Feature maps, places and the bias are the same sum, added up otherwise. */
    @Test
    void theEvidenceOfAConvolutionAddsUpToTheScore() {
        try (ImageClassificationBase model = model("convolutions");
                TensorScope scope = TensorScope.open()) {
            Predictions predictions = Predictions.of(model, pictures);
            double[] bias = Tensors.toDoubles(parameter(model, "linear1.bias"));
            for (Details.Image image :
                    Details.of(model, pictures, predictions, 1, 2).images()) {
                assertThat(image.evidence()).hasSize(7 * 7);
                double sum = IntStream.range(0, 49)
                        .mapToDouble(i -> image.evidence()[i])
                        .sum();
                assertThat(sum + bias[image.answer()]).isCloseTo(image.score(), within(ROUNDING));
            }
        }
    }

    @Test
    void noRandomNumberIsDrawnAndNothingLeftBehind() {
        for (String name : List.of("one layer", "two layers", "convolutions")) {
            try (ImageClassificationBase model = model(name)) {
                Predictions predictions = Predictions.of(model, pictures);
                TorchRandom.manualSeed(5);
                long expected = TorchRandom.nextInt64(null);
                Details.of(model, pictures, predictions, 1, 2, 3);
                TorchRandom.manualSeed(5);
                long before = LeakCheck.settled();
                Details.of(model, pictures, predictions, 1, 2, 3);
                assertThat(Pointer.totalCount()).as(name).isEqualTo(before);
                assertThat(TorchRandom.nextInt64(null)).isEqualTo(expected);
            }
        }
    }

    /** 6 images of class 0: 0 to 2 are read as 1, 3 as 2; 4 and 5 are right. */
    @Test
    void firstImagesThenMistakesOfEachKindThenRightAnswersAreChosen() {
        Predictions predictions = new Predictions(
                3, new int[6], new int[] {1, 1, 1, 2, 0, 0}, new double[] {0.9, 0.8, 0.7, 0.4, 0.6, 0.5});

        assertThat(Details.choose(predictions, 10, 0)).containsExactly(0, 1, 2, 3, 5, 4);
        assertThat(Details.choose(predictions, 3, 0)).as("2 of a kind").containsExactly(0, 1, 3, 5, 4);
        assertThat(Details.choose(predictions, 1, 0)).as("the surest").containsExactly(0, 5, 4);
        assertThat(Details.choose(predictions, 10, 2)).containsExactly(0, 1, 2, 3, 5, 4);
    }
}
