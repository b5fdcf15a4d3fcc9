package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.SharedModuleVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * How a model came to its answers on some images of a dataset: its probabilities, and the units before the output layer that
 * spoke for the answer.
 *
 * @param images in the order of {@link #choose}
 */
record Details(List<Image> images) {
    private static final int MOST_UNITS = 5;
    private static final int MOST_RIGHT = 100;
    private static final int MOST_RIGHT_OF_CLASS = 6;

    /** Of a batch, so that a wide layer takes no more memory than a narrow one. */
    private static final int MOST_VALUES = 4_000_000;

    private static final int BATCH = 256;

    /**
     * What the model makes of an image.
     *
     * @param position in the dataset
     * @param score of the answer, before the softmax
     * @param units that add most to that score, the strongest first
     * @param evidence of a convolutional model, what each place of the image adds to the score, row by row; else empty
     */
    record Image(
            int position,
            int label,
            int answer,
            double[] probabilities,
            double score,
            List<Unit> units,
            float[] evidence) {}

    /**
     * A hidden unit, or a feature map of a convolution.
     *
     * @param activation of a feature map, its strongest
     * @param adds to the score of the answer: activation times weight, of a feature map their sum
     * @param addsToLabel to the score of the right answer
     */
    record Unit(int index, double activation, double adds, double addsToLabel) {}

    /**
     * The first images, mistakes (of each kind about as many, the surest first), and of each class right answers that the model was
     * least sure of.
     *
     * @param most so many mistakes at most
     * @param first so many of the first images
     * @return positions, without repetitions
     */
    static int[] choose(Predictions predictions, int most, int first) {
        Set<Integer> chosen = new LinkedHashSet<>();
        IntStream.range(0, Math.min(first, predictions.size())).forEach(chosen::add);
        List<Integer> mistakes = predictions.misclassified();
        int[] counts = mistakes.stream()
                .collect(
                        () -> new HashMap<Long, Integer>(),
                        (cells, position) -> cells.merge(cell(predictions, position), 1, Integer::sum),
                        Map::putAll)
                .values()
                .stream()
                .mapToInt(count -> count)
                .toArray();
        int ofCell = 1;
        while (ofCell <= most && total(counts, ofCell) < mistakes.size() && total(counts, ofCell + 1) <= most) {
            ofCell++;
        }
        Map<Long, Integer> taken = new HashMap<>();
        int left = most;
        for (int position : mistakes) {
            if (left > 0 && taken.merge(cell(predictions, position), 1, Integer::sum) <= ofCell) {
                chosen.add(position);
                left--;
            }
        }
        int ofClass = Math.max(1, Math.min(MOST_RIGHT_OF_CLASS, MOST_RIGHT / predictions.classes()));
        taken.clear();
        IntStream.range(0, predictions.size())
                .filter(i -> predictions.labels()[i] == predictions.predictedLabels()[i])
                .boxed()
                .sorted(Comparator.comparingDouble(i -> predictions.probabilities()[i]))
                .filter(i -> taken.merge((long) predictions.labels()[i], 1, Integer::sum) <= ofClass)
                .limit(MOST_RIGHT)
                .forEach(chosen::add);
        return chosen.stream().mapToInt(position -> position).toArray();
    }

    private static long cell(Predictions predictions, int position) {
        return (long) predictions.labels()[position] * predictions.classes()
                + predictions.predictedLabels()[position];
    }

    private static long total(int[] counts, int ofCell) {
        return Arrays.stream(counts).mapToLong(count -> Math.min(count, ofCell)).sum();
    }

    /** Asks the model again, on its device and in evaluation mode. Draws no random number. */
    static Details of(
            ImageClassificationBase model, Dataset<LabeledImage> dataset, Predictions predictions, int... positions) {
        List<Image> images = new ArrayList<>();
        model.train(false);
        try (NoGradGuard noGrad = new NoGradGuard();
                TensorScope outer = TensorScope.open()) {
            List<Tensor> parameters =
                    new ArrayList<>(StateDict.parameters(model).values());
            Tensor first = parameters.get(0);
            Output output = new Output(
                    Tensors.toDoubles(parameters.get(parameters.size() - 2)),
                    Tensors.toDoubles(parameters.get(parameters.size() - 1)));
            int batch = Math.max(1, Math.min(BATCH, MOST_VALUES / output.features()));
            for (int begin = 0; begin < positions.length; begin += batch) {
                int[] some = Arrays.copyOfRange(positions, begin, Math.min(positions.length, begin + batch));
                try (TensorScope scope = TensorScope.open()) {
                    Tensor input = Batch.of(dataset, some)
                            .images()
                            .to(first.device(), first.scalar_type(), false, false, null);
                    Tensor features = features(model, input);
                    long maps = features.dim() == 4 ? features.size(1) : output.features();
                    double[] values = Tensors.toDoubles(features);
                    for (int i = 0; i < some.length; i++) {
                        double[] own = Arrays.copyOfRange(values, i * output.features(), (i + 1) * output.features());
                        images.add(output.explain(
                                some[i],
                                predictions.labels()[some[i]],
                                predictions.predictedLabels()[some[i]],
                                own,
                                (int) maps));
                    }
                }
            }
        }
        return new Details(images);
    }

    /** Units of the first layer that spoke for an answer, if the first layer is the one before the output layer. */
    List<Integer> mentioned() {
        return images.stream()
                .flatMap(image -> image.units.stream())
                .map(Unit::index)
                .toList();
    }

    /** What the output layer is given: (B, units), or (B, maps, rows, columns) behind a convolution. */
    private static Tensor features(Module model, Tensor input) {
        SharedModuleVector layers = model.children();
        Tensor out = input;
        for (long i = 0; i < layers.size() - 1; i++) {
            Conv2dImpl convolution = layers.get(i).asConv2d();
            out = convolution == null
                    ? torch.relu(layers.get(i).asLinear().forward(out.flatten(1, -1)))
                    : torch.max_pool2d(torch.relu(convolution.forward(out)), 2, 2);
        }
        return out;
    }

    /** @param weight of the output layer, a row for each class */
    private record Output(double[] weight, double[] bias) {
        int features() {
            return weight.length / bias.length;
        }

        Image explain(int position, int label, int answer, double[] features, int maps) {
            double[] scores = IntStream.range(0, bias.length)
                    .mapToDouble(c -> bias[c] + sum(features, c, 0, features.length))
                    .toArray();
            double most = Arrays.stream(scores).max().orElseThrow();
            double[] powers =
                    Arrays.stream(scores).map(score -> Math.exp(score - most)).toArray();
            double all = Arrays.stream(powers).sum();
            int size = features.length / maps;
            List<Unit> units = IntStream.range(0, maps)
                    .mapToObj(map -> new Unit(
                            map,
                            Arrays.stream(features, map * size, (map + 1) * size)
                                    .max()
                                    .orElseThrow(),
                            sum(features, answer, map * size, size),
                            sum(features, label, map * size, size)))
                    .filter(unit -> unit.adds > 0)
                    .sorted(Comparator.comparingDouble(unit -> -unit.adds))
                    .limit(MOST_UNITS)
                    .toList();
            float[] evidence = new float[size == 1 ? 0 : size];
            for (int place = 0; place < evidence.length; place++) {
                for (int map = 0; map < maps; map++) {
                    int feature = map * size + place;
                    evidence[place] += (float) (features[feature] * weight[answer * features.length + feature]);
                }
            }
            return new Image(
                    position,
                    label,
                    answer,
                    Arrays.stream(powers).map(power -> power / all).toArray(),
                    scores[answer],
                    units,
                    evidence);
        }

        private double sum(double[] features, int output, int from, int count) {
            double sum = 0;
            for (int i = from; i < from + count; i++) {
                sum += features[i] * weight[output * features.length + i];
            }
            return sum;
        }
    }
}
