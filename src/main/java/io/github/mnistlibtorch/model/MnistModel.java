package io.github.mnistlibtorch.model;

import io.github.mnistlibtorch.data.Batch;
import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.io.StateDictFile;
import io.github.mnistlibtorch.libtorch.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Feed-forward neural network with one hidden layer, or more: the article's {@code class MnistModel(nn.Module)}.
 *
 * <p>Build it outside of any {@link io.github.mnistlibtorch.libtorch.Scope} that closes before it, and close it.
 */
public class MnistModel extends Module {
    /** {@code linear1} in the article. */
    private final List<LinearImpl> hiddenLayers = new ArrayList<>();

    /** {@code linear2} in the article; with more hidden layers, the next number. */
    private final LinearImpl outputLayer;

    /**
     * Draws the weights and biases of both layers from the default generator, the hidden layer first.
     *
     * @param inSize pixels of a picture, 784 for MNIST
     * @param hiddenSize units of the hidden layer
     * @param outSize number of classes
     */
    public MnistModel(int inSize, int hiddenSize, int outSize) {
        this(inSize, List.of(hiddenSize), outSize);
    }

    /**
     * Draws the weights and biases of all layers from the default generator, in the order in which pictures pass them:
     * {@code linear1}, {@code linear2}, and so on.
     *
     * @param inSize pixels of a picture, 784 for MNIST
     * @param hiddenSizes units of each hidden layer, at least one
     * @param outSize number of classes
     * @throws IllegalArgumentException if {@code hiddenSizes} is empty
     */
    public MnistModel(int inSize, List<Integer> hiddenSizes, int outSize) {
        if (hiddenSizes.isEmpty()) {
            throw new IllegalArgumentException("a network without a hidden layer is not the article's");
        }
        int size = inSize;
        for (int hiddenSize : hiddenSizes) {
            hiddenLayers.add(linear(hiddenLayers.size() + 1, size, hiddenSize));
            size = hiddenSize;
        }
        outputLayer = linear(hiddenLayers.size() + 1, size, outSize);
    }

    private LinearImpl linear(int number, int inSize, int outSize) {
        return register_module("linear" + number, new LinearImpl(inSize, outSize));
    }

    /**
     * A model with saved weights, of the sizes that these have.
     *
     * @param file a {@code .pt} file or one in the safetensors format, with {@code linear1.weight} (H, I),
     *     {@code linear1.bias} (H), {@code linear2.weight} (C, H) and {@code linear2.bias} (C), or more layers, all float32
     *     or all float64
     * @return a model that the caller closes
     * @throws IOException if the file cannot be read, or holds something else
     */
    public static MnistModel load(Path file) throws IOException {
        Map<String, Tensor> tensors = StateDictFile.read(file);
        try {
            List<Integer> sizes = sizes(tensors, file);
            int last = sizes.size() - 1;
            MnistModel model = new MnistModel(sizes.get(0), sizes.subList(1, last), sizes.get(last));
            boolean complete = false;
            try {
                if (tensors.values().stream()
                        .allMatch(tensor -> tensor.scalar_type().intern() == ScalarType.Double)) {
                    model.to(ScalarType.Double, /* non_blocking= */ false);
                }
                StateDict.load(model, tensors, file);
                complete = true;
                return model;
            } finally {
                if (!complete) {
                    model.close();
                }
            }
        } finally {
            tensors.values().forEach(Tensor::close);
        }
    }

    /** Pixels of a picture that this model takes: {@code model.linear1.in_features}. */
    public long inSize() {
        return hiddenLayers.get(0).weight().size(1);
    }

    /** Number of its classes: {@code out_features} of the last layer. */
    public long outSize() {
        return outputLayer.weight().size(0);
    }

    /** What this model computes in, and what it takes: {@code model.linear1.weight.dtype}. */
    public ScalarType dtype() {
        return outputLayer.weight().scalar_type().intern();
    }

    /**
     * {@code model(xb)}.
     *
     * @param xb pictures, (B, 1, 28, 28) or any shape with {@code inSize} elements behind the first dimension
     * @return one output for each class, (B, {@code outSize}): logits, not probabilities
     */
    public Tensor forward(Tensor xb) {
        // Flatten the pictures: a linear layer expects vectors
        Tensor out = xb.view(xb.size(0), -1);
        for (LinearImpl layer : hiddenLayers) {
            out = torch.relu(layer.forward(out));
        }
        return outputLayer.forward(out);
    }

    /**
     * What the units of the first hidden layer say of pictures, on the way through {@link #forward}.
     *
     * @param xb as for {@link #forward}
     * @return (B, H), none negative
     */
    public Tensor hidden(Tensor xb) {
        return torch.relu(hiddenLayers.get(0).forward(xb.view(xb.size(0), -1)));
    }

    /** Loss of a batch, to call {@code backward()} on: the mean cross-entropy, a scalar. */
    public Tensor trainingStep(Batch batch) {
        Tensor out = forward(batch.images());
        return torch.cross_entropy(out, batch.labels());
    }

    /** Loss and accuracy of a batch. */
    public ValidationOutput validationStep(Batch batch) {
        Tensor out = forward(batch.images());
        Tensor loss = torch.cross_entropy(out, batch.labels());
        return new ValidationOutput(loss, Accuracy.accuracy(out, batch.labels()));
    }

    /**
     * Combines the batches of an epoch: the mean over batches, in which a short last batch counts as much as the rest.
     *
     * @param outputs of {@link #validationStep}, at least one
     */
    public EpochResult validationEpochEnd(List<ValidationOutput> outputs) {
        try (Scope scope = Scope.open()) {
            Tensor epochLoss =
                    stack(outputs.stream().map(ValidationOutput::valLoss)).mean();
            Tensor epochAcc =
                    stack(outputs.stream().map(ValidationOutput::valAcc)).mean();
            return new EpochResult(epochLoss.item_double(), epochAcc.item_double());
        }
    }

    /** The article's line for an epoch, on standard output. */
    public void epochEnd(int epoch, EpochResult result) {
        System.out.println(result.line(epoch));
    }

    /** Frees the weights. */
    @Override
    public void close() {
        // Each layer is shared by its handle and by the module.
        hiddenLayers.forEach(LinearImpl::close);
        outputLayer.close();
        super.close();
    }

    /** Inputs, units of each hidden layer and outputs, as the weights have them. */
    private static List<Integer> sizes(Map<String, Tensor> tensors, Path file) throws IOException {
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
        return sizes;
    }

    private static InputException unusable(Path file, String reason) {
        return new InputException(
                file + " does not hold the weights of this network: " + reason + "; use a file that train has written");
    }

    private static Tensor stack(Stream<Tensor> scalars) {
        return torch.stack(new TensorVector(scalars.toArray(Tensor[]::new)));
    }
}
