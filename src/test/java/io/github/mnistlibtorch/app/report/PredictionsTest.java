package io.github.mnistlibtorch.app.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.Training;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LibTorchExtension.class)
class PredictionsTest {
    private static Dataset<LabeledImage> pictures;

    @BeforeAll
    static void start() throws IOException {
        pictures = new Subset<>(
                Mnist.bundled(Mnist.Split.TEST), IntStream.range(0, 1500).toArray());
    }

    /** The article's accuracy counts the same, in one batch. */
    @Test
    void asManyAreRightAsTheArticleCounts() {
        TorchRandom.manualSeed(1);
        try (MnistModel model = new MnistModel(784, 8, 10)) {
            Predictions predictions = Predictions.of(model, pictures);
            DataLoader<Batch> loader =
                    DataLoader.of(pictures).batchSize(pictures.size()).build();
            double accuracy = Training.evaluate(model, loader).valAcc();

            assertThat(predictions.size()).isEqualTo(1500);
            assertThat((double) predictions.correctCount() / predictions.size()).isCloseTo(accuracy, within(1e-6));
            assertThat(Arrays.stream(predictions.probabilities())).allMatch(sure -> sure >= 0.1 && sure <= 1);
        }
    }

    @Test
    void noRandomNumberIsDrawnAndNothingLeftBehind() {
        try (MnistModel model = new MnistModel(784, 8, 10)) {
            TorchRandom.manualSeed(5);
            long expected = TorchRandom.nextInt64(null);
            Predictions.of(model, pictures);
            TorchRandom.manualSeed(5);
            long before = LeakCheck.settled();
            Predictions.of(model, pictures);
            assertThat(Pointer.totalCount()).isEqualTo(before);
            assertThat(TorchRandom.nextInt64(null)).isEqualTo(expected);
        }
    }

    @Test
    void confusionAndMistakesAreCountedFromTheAnswers() {
        Predictions predictions = new Predictions(
                3, new int[] {0, 1, 2, 2, 1}, new int[] {0, 2, 2, 0, 0}, new double[] {0.9, 0.5, 0.8, 0.7, 0.6});

        assertThat(predictions.correctCount()).isEqualTo(2);
        assertThat(predictions.confusion()).isDeepEqualTo(new int[][] {{1, 0, 0}, {1, 0, 1}, {1, 0, 1}});
        assertThat(predictions.misclassified()).as("the surest first").containsExactly(3, 4, 1);
    }
}
