package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What a model says of every picture of a dataset.
 *
 * @param classes number of classes
 * @param labels what each picture shows
 * @param predictedLabels what the model says that it shows
 * @param probabilities how sure the model is of its answer, 0 to 1
 */
record Predictions(int classes, int[] labels, int[] predictedLabels, double[] probabilities) {
    private static final int BATCH = 1024;

    /** Asks the model, on its device and in evaluation mode. Draws no random number. */
    static Predictions of(ImageClassificationBase model, Dataset<LabeledImage> dataset) {
        int size = dataset.size();
        int[] labels = new int[size];
        int[] predictedLabels = new int[size];
        double[] probabilities = new double[size];
        int classes = 0;
        model.train(false);
        try (NoGradGuard noGrad = new NoGradGuard()) {
            for (int first = 0; first < size; first += BATCH) {
                int[] positions =
                        IntStream.range(first, Math.min(size, first + BATCH)).toArray();
                try (TensorScope scope = TensorScope.open()) {
                    Batch batch = Batch.of(dataset, positions);
                    Tensor weight = StateDict.of(model).values().iterator().next();
                    Tensor outputs =
                            model.forward(batch.images().to(weight.device(), weight.scalar_type(), false, false, null));
                    classes = (int) outputs.size(1);
                    T_TensorTensor_T best = torch.max(outputs.softmax(1), /* dim= */ 1);
                    double[] sure = Tensors.toDoubles(best.get0());
                    long[] chosen = Tensors.toLongs(best.get1());
                    long[] truth = Tensors.toLongs(batch.labels());
                    for (int i = 0; i < positions.length; i++) {
                        labels[first + i] = (int) truth[i];
                        predictedLabels[first + i] = (int) chosen[i];
                        probabilities[first + i] = sure[i];
                    }
                }
            }
        }
        return new Predictions(classes, labels, predictedLabels, probabilities);
    }

    int size() {
        return labels.length;
    }

    /** Number of right answers. */
    int correctCount() {
        return (int) IntStream.range(0, size()).filter(this::isRight).count();
    }

    private boolean isRight(int position) {
        return labels[position] == predictedLabels[position];
    }

    /** How often a picture of one class (first index) was taken for another (second index). */
    int[][] confusion() {
        int[][] counts = new int[classes][classes];
        for (int i = 0; i < size(); i++) {
            counts[labels[i]][predictedLabels[i]]++;
        }
        return counts;
    }

    /** Positions of the pictures with a wrong answer, the most confident first. */
    List<Integer> misclassified() {
        return IntStream.range(0, size())
                .filter(position -> !isRight(position))
                .boxed()
                .sorted(Comparator.comparingDouble((Integer position) -> -probabilities[position]))
                .toList();
    }
}
