package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.Resources;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.MnistCnn;
import io.github.mnistlibtorch.tutorial.MnistMlp;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.TrainableModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The models of this program, for images of 28 × 28 pixels and ten classes: new ones, and saved ones. */
public final class MnistModels {
    /** The names that {@link #create} knows: a network with hidden layers, and a convolutional one. */
    public static final List<String> NAMES = List.of("mlp", "cnn");

    private static final int INPUT_SIZE = 784;
    private static final int NUM_CLASSES = 10;

    private MnistModels() {}

    /**
     * A model that has drawn its weights from the default generator.
     *
     * @param name one of {@link #NAMES}
     * @param hiddenSizes units of each hidden layer of {@code mlp}, at least one; {@code cnn} has none
     * @return a model that the caller closes
     * @throws IllegalArgumentException if the name is another
     */
    public static ImageClassificationBase create(String name, List<Integer> hiddenSizes) {
        return switch (name) {
            case "mlp" ->
                hiddenSizes.size() == 1 // the article's own class
                        ? new MnistModel(INPUT_SIZE, hiddenSizes.get(0), NUM_CLASSES)
                        : new MnistMlp(INPUT_SIZE, hiddenSizes, NUM_CLASSES);
            case "cnn" -> new MnistCnn(NUM_CLASSES);
            default -> throw new IllegalArgumentException("unknown model '" + name + "'; there are " + NAMES);
        };
    }

    /** The names of the parameters of such a model, in their order, without making one. */
    public static List<String> parameterNames(String name, List<Integer> hiddenSizes) {
        Stream<String> layers = name.equals("cnn")
                ? Stream.of("conv1", "conv2", "linear1")
                : IntStream.rangeClosed(1, hiddenSizes.size() + 1).mapToObj(number -> "linear" + number);
        return layers.flatMap(layer -> Stream.of(layer + ".weight", layer + ".bias"))
                .toList();
    }

    /**
     * A model with saved weights: {@code model.load_state_dict(torch.load(file))}, where the names and shapes in the file
     * say which model it is.
     *
     * @param file a {@code .pt} file or one in the safetensors format, of any floating-point dtype: float64 if all are, else float32
     * @return a model that the caller closes
     * @throws IOException if the file cannot be read, or holds something else
     */
    public static ImageClassificationBase load(Path file) throws IOException {
        Map<String, Tensor> read = StateDict.read(file);
        Map<String, Tensor> tensors = StateDict.unwrapped(read);
        try {
            requireFinite(tensors, file);
            boolean isCnn = tensors.containsKey("conv1.weight");
            ImageClassificationBase model =
                    create(isCnn ? "cnn" : "mlp", isCnn ? List.of() : hiddenSizes(tensors, file));
            return Resources.closeOnFailure(model::close, () -> {
                if (tensors.values().stream()
                        .allMatch(tensor -> tensor.scalar_type().intern() == ScalarType.Double)) {
                    model.to(ScalarType.Double, /* non_blocking= */ false);
                }
                StateDict.load(model, tensors, file);
                return model;
            });
        } finally {
            read.values().forEach(Tensor::close);
        }
    }

    /**
     * Gives a model the weights in a file.
     *
     * @throws IOException if the file cannot be read, or holds others
     */
    static void loadInto(ImageClassificationBase model, Path file) throws IOException {
        Map<String, Tensor> tensors = StateDict.read(file);
        try {
            requireFinite(tensors, file);
            StateDict.load(model, tensors, file);
        } finally {
            tensors.values().forEach(Tensor::close);
        }
    }

    /**
     * Checks that a file holds weights for the model of a run, before the run begins.
     *
     * @throws IOException if the file cannot be read, or holds others
     */
    public static void requireWeights(Path file, RunConfig config) throws IOException {
        try (ImageClassificationBase model = config.newModel()) {
            loadInto(model, file);
        }
    }

    /** A run that has diverged leaves such weights; whatever is asked of them, they answer the same. */
    private static void requireFinite(Map<String, Tensor> tensors, Path file) throws InputException {
        for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
            try (TensorScope scope = TensorScope.open()) {
                if (!tensor.getValue().isfinite().all().item_bool()) {
                    throw new InputException(file + " holds weights that are NaN or infinite, as a training run leaves"
                            + " that has diverged; train again with a lower learning rate");
                }
            }
        }
    }

    /** What a model computes in, and what it takes: the dtype of its first parameter. */
    public static ScalarType dtype(TrainableModel model) {
        try (TensorVector parameters = model.parameters();
                Tensor first = parameters.get(0)) {
            return first.scalar_type().intern();
        }
    }

    /** Units of each hidden layer, as the weights have them. */
    private static List<Integer> hiddenSizes(Map<String, Tensor> tensors, Path file) throws IOException {
        List<Integer> sizes = new ArrayList<>();
        double numel = 0;
        for (int layer = 1; layer <= 2 || tensors.containsKey("linear" + layer + ".weight"); layer++) {
            String name = "linear" + layer + ".weight";
            Tensor matrix = tensors.get(name);
            if (matrix == null || matrix.dim() != 2 || matrix.numel() == 0) {
                throw unusable(file, "it has no matrix " + name);
            }
            if (sizes.isEmpty()) {
                sizes.add((int) Math.min(Integer.MAX_VALUE, matrix.size(1)));
            }
            numel += (double) sizes.get(layer - 1) * matrix.size(0);
            sizes.add((int) Math.min(Integer.MAX_VALUE, matrix.size(0)));
        }
        // Narrow matrices, or one that repeats its numbers, could ask for a network of any size.
        if (numel > Files.size(file)) {
            throw unusable(file, "it is too small for layers of " + sizes);
        }
        int last = sizes.size() - 1;
        if (sizes.get(0) != INPUT_SIZE || sizes.get(last) != NUM_CLASSES) {
            throw new InputException(file + " is a network with " + sizes.get(0) + " inputs and " + sizes.get(last)
                    + " outputs; one for these pictures has " + INPUT_SIZE + " and " + NUM_CLASSES);
        }
        return sizes.subList(1, last);
    }

    private static InputException unusable(Path file, String reason) {
        return new InputException(
                file + " does not hold the weights of this model: " + reason + "; use a file that train has written");
    }
}
