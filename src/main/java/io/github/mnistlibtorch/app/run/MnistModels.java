package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.Resources;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.Devices;
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
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The models of this program: new ones, and saved ones. */
public final class MnistModels {
    /** The names that {@link #create} knows: a network with hidden layers, and a convolutional one. */
    public static final List<String> NAMES = List.of("mlp", "cnn");

    /** Of the output layer of {@code cnn}, for 4 × 4 pixels. */
    private static final int CNN_FEATURES = 16;

    private static final int POOLED = 4;

    /**
     * A saved model.
     *
     * @param network that the caller closes
     * @param images what it takes, and its classes
     */
    public record Saved(ImageClassificationBase network, ImageSpec images) {}

    private MnistModels() {}

    /** {@link #create(String, List, ImageSpec)} for MNIST. */
    public static ImageClassificationBase create(String name, List<Integer> hiddenSizes) {
        return create(name, hiddenSizes, ImageSpec.MNIST);
    }

    /**
     * A model that has drawn its weights from the default generator.
     *
     * @param name one of {@link #NAMES}
     * @param hiddenSizes units of each hidden layer of {@code mlp}, at least one; {@code cnn} has none
     * @param images what it takes, and its classes
     * @return a model that the caller closes
     * @throws IllegalArgumentException if the name is another, or the images are too small for it
     */
    public static ImageClassificationBase create(String name, List<Integer> hiddenSizes, ImageSpec images) {
        int outSize = images.classes().size();
        return switch (name) {
            case "mlp" ->
                hiddenSizes.size() == 1 // the article's own class
                        ? new MnistModel(images.inputSize(), hiddenSizes.get(0), outSize)
                        : new MnistMlp(images.inputSize(), hiddenSizes, outSize);
            case "cnn" -> new MnistCnn(images.channels(), images.rows(), images.columns(), outSize);
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

    /** The network of {@link #read}. */
    public static ImageClassificationBase load(Path file) throws IOException {
        return read(file).network();
    }

    /**
     * A model with saved weights: {@code model.load_state_dict(torch.load(file))}, where the names and shapes in the file
     * say which model it is. What {@code train} writes also says what its images were; of another file, it is taken from the shapes.
     *
     * @param file a {@code .pt} file or one in the safetensors format, of any floating-point dtype: float64 if all are, else float32
     * @throws IOException if the file cannot be read, or holds something else
     */
    public static Saved read(Path file) throws IOException {
        Map<String, Tensor> read = StateDict.read(file);
        Map<String, Tensor> tensors = StateDict.unwrapped(read);
        try {
            requireFinite(tensors, file);
            boolean isCnn = tensors.containsKey("conv1.weight");
            List<Integer> sizes = isCnn ? List.of() : sizes(tensors, file);
            ImageSpec images = images(file, tensors, sizes);
            ImageClassificationBase model = isCnn
                    ? create("cnn", List.of(), images)
                    : create("mlp", sizes.subList(1, sizes.size() - 1), images);
            return Resources.closeOnFailure(model::close, () -> {
                if (tensors.values().stream()
                        .allMatch(tensor -> tensor.scalar_type().intern() == ScalarType.Double)) {
                    model.to(ScalarType.Double, /* non_blocking= */ false);
                }
                StateDict.load(model, tensors, file);
                requireFiniteAnswers(model, images, file);
                return new Saved(model, images);
            });
        } finally {
            read.values().forEach(Tensor::close);
        }
    }

    /** @param sizes of the layers of an {@code mlp}, its input first; empty for {@code cnn} */
    private static ImageSpec images(Path file, Map<String, Tensor> tensors, List<Integer> sizes) throws IOException {
        Map<String, String> metadata = StateDict.readMetadata(file);
        try {
            ImageSpec images = ImageSpec.isIn(metadata)
                    ? ImageSpec.ofMetadata(metadata)
                    : sizes.isEmpty() ? ofCnn(tensors, file) : ofMlp(sizes, file);
            if (sizes.isEmpty()) {
                requireCnn(images, tensors, file);
            } else if (sizes.get(0) != images.inputSize()
                    || sizes.get(sizes.size() - 1) != images.classes().size()) {
                throw new IllegalArgumentException("they are not those of its network");
            }
            return images;
        } catch (IllegalArgumentException e) {
            throw unusable(file, "what it says of its images is of no use (" + e.getMessage() + ")");
        }
    }

    /** Before memory is taken for one: what is in a file could ask for any. */
    private static void requireCnn(ImageSpec images, Map<String, Tensor> tensors, Path file) throws IOException {
        Tensor output = tensors.get("linear1.weight");
        long features = (long) CNN_FEATURES * (images.rows() / POOLED) * (images.columns() / POOLED);
        if (output == null || output.dim() != 2) {
            throw unusable(file, "it has no matrix linear1.weight");
        }
        if (output.size(0) != images.classes().size() || output.size(1) != features) {
            throw new IllegalArgumentException("they are not those of its network");
        }
        if ((double) output.size(0) * output.size(1) > Files.size(file)) {
            throw unusable(file, "it is too small for a layer of " + features + " inputs");
        }
    }

    private static ImageSpec ofMlp(List<Integer> sizes, Path file) throws InputException {
        int inputs = sizes.get(0);
        return square(inputs, 1, sizes.get(sizes.size() - 1))
                .or(() -> square(inputs, 3, sizes.get(sizes.size() - 1)))
                .orElseThrow(() -> new InputException(PlainText.name(file) + " is a network with " + inputs
                        + " inputs, which are the pixels of no square; one for MNIST's pictures has 784"));
    }

    private static ImageSpec ofCnn(Map<String, Tensor> tensors, Path file) throws InputException {
        Tensor filters = tensors.get("conv1.weight");
        Tensor output = tensors.get("linear1.weight");
        if (filters == null || filters.dim() != 4 || output == null || output.dim() != 2) {
            throw unusable(file, "it has no matrix linear1.weight");
        }
        long side = Math.round(Math.sqrt((double) output.size(1) / CNN_FEATURES));
        int channels = (int) filters.size(1);
        return square((int) Math.min(1 << 26, channels * side * side * POOLED * POOLED), channels, (int) output.size(0))
                .orElseThrow(() -> unusable(file, "its images have " + filters.size(1) + " channels"));
    }

    /** MNIST's, if they have its sizes; else of whole pictures in numbered classes. */
    private static Optional<ImageSpec> square(int inputs, int channels, int classes) {
        int side = (int) Math.round(Math.sqrt((double) inputs / channels));
        if (channels * side * side != inputs || channels != 1 && channels != 3) {
            return Optional.empty();
        }
        boolean isMnists = channels == 1 && side == ImageSpec.MNIST.rows();
        int inkSize = isMnists ? ImageSpec.MNIST.inkSize() : 0;
        return Optional.of(new ImageSpec(channels, side, side, ImageSpec.numbered(classes), isMnists, inkSize, false));
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
            Devices.toDtype(model, config.scalarType());
            loadInto(model, file);
            requireFiniteAnswers(model, config.images(), file);
        }
    }

    /** Finite weights may overflow in the dtype of the model, or when they are multiplied. */
    private static void requireFiniteAnswers(ImageClassificationBase model, ImageSpec images, Path file)
            throws InputException {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            requireFinite(StateDict.of(model), file);
            Tensor white = torch.ones(
                    new long[] {1, images.channels(), images.rows(), images.columns()},
                    new TensorOptions(dtype(model)));
            if (!model.forward(white).isfinite().all().item_bool()) {
                throw new InputException(PlainText.name(file) + " holds weights so large that the network answers NaN;"
                        + " train again with a lower learning rate");
            }
        }
    }

    /** A run that has diverged leaves such weights; whatever is asked of them, they answer the same. */
    private static void requireFinite(Map<String, Tensor> tensors, Path file) throws InputException {
        for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
            if (Tensors.isExpanded(tensor.getValue())) {
                throw unusable(file, "its weights share their memory");
            }
            try (TensorScope scope = TensorScope.open()) {
                if (!tensor.getValue().isfinite().all().item_bool()) {
                    throw new InputException(
                            PlainText.name(file) + " holds weights that are NaN or infinite, as a training run leaves"
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

    /** Inputs, and units of each layer, as the weights have them. */
    private static List<Integer> sizes(Map<String, Tensor> tensors, Path file) throws IOException {
        List<Integer> sizes = new ArrayList<>();
        double numel = 0;
        for (int layer = 1; layer <= 2 || tensors.containsKey("linear" + layer + ".weight"); layer++) {
            String name = "linear" + layer + ".weight";
            Tensor matrix = tensors.get(name);
            if (matrix == null || matrix.dim() != 2 || matrix.numel() == 0) {
                throw unusable(file, "it has no matrix " + name + ", but " + StateDict.few(tensors.keySet()));
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
        return sizes;
    }

    private static InputException unusable(Path file, String reason) {
        return new InputException(PlainText.name(file) + " does not hold the weights of this model: " + reason
                + "; use a file that train has written");
    }
}
