package io.github.mnistlibtorch.model;

import io.github.mnistlibtorch.data.Batch;
import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.io.StateDictFile;
import io.github.mnistlibtorch.libtorch.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * Feed-forward neural network with one hidden layer: the article's {@code class MnistModel(nn.Module)}.
 *
 * <p>Build it outside of any {@link io.github.mnistlibtorch.libtorch.Scope} that closes before it, and close it.
 */
public class MnistModel extends Module {
    private final LinearImpl linear1;
    private final LinearImpl linear2;

    /**
     * Draws the weights and biases of both layers from the default generator, the hidden layer first.
     *
     * @param inSize pixels of a picture, 784 for MNIST
     * @param hiddenSize units of the hidden layer
     * @param outSize number of classes
     */
    public MnistModel(long inSize, long hiddenSize, long outSize) {
        // hidden layer
        linear1 = register_module("linear1", new LinearImpl(inSize, hiddenSize));
        // output layer
        linear2 = register_module("linear2", new LinearImpl(hiddenSize, outSize));
    }

    /**
     * A model with saved weights, of the sizes that these have.
     *
     * @param file a {@code .pt} file or one in the safetensors format, with {@code linear1.weight} (H, I),
     *     {@code linear1.bias} (H), {@code linear2.weight} (C, H) and {@code linear2.bias} (C), all float32 or all
     *     float64
     * @return a model that the caller closes
     * @throws IOException if the file cannot be read, or holds something else
     */
    public static MnistModel load(Path file) throws IOException {
        Map<String, Tensor> tensors = StateDictFile.read(file);
        try {
            long[] hidden = matrix(tensors, "linear1.weight", file);
            long[] output = matrix(tensors, "linear2.weight", file);
            // Two narrow matrices, or one that repeats its numbers, could ask for a network of any size.
            if ((double) hidden[0] * (hidden[1] + output[0]) > Files.size(file)) {
                throw new InputException(file + " does not hold the weights of this network: it is too small for "
                        + hidden[1] + " inputs, " + hidden[0] + " hidden units and " + output[0]
                        + " outputs; use a file that train has written");
            }
            MnistModel model = new MnistModel(hidden[1], hidden[0], output[0]);
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
        return linear1.weight().size(1);
    }

    /** Number of its classes: {@code model.linear2.out_features}. */
    public long outSize() {
        return linear2.weight().size(0);
    }

    /** What this model computes in, and what it takes: {@code model.linear1.weight.dtype}. */
    public ScalarType dtype() {
        return linear1.weight().scalar_type().intern();
    }

    /**
     * {@code model(xb)}.
     *
     * @param xb pictures, (B, 1, 28, 28) or any shape with {@code inSize} elements behind the first dimension
     * @return one output for each class, (B, {@code outSize}): logits, not probabilities
     */
    public Tensor forward(Tensor xb) {
        // Flatten the pictures: a linear layer expects vectors
        xb = xb.view(xb.size(0), -1);
        Tensor out = linear1.forward(xb);
        out = torch.relu(out);
        return linear2.forward(out);
    }

    /**
     * What the hidden units say of pictures, on the way through {@link #forward}.
     *
     * @param xb as for {@link #forward}
     * @return (B, H), none negative
     */
    public Tensor hidden(Tensor xb) {
        return torch.relu(linear1.forward(xb.view(xb.size(0), -1)));
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
        linear1.close();
        linear2.close();
        super.close();
    }

    private static long[] matrix(Map<String, Tensor> tensors, String name, Path file) throws InputException {
        Tensor tensor = tensors.get(name);
        if (tensor == null || tensor.dim() != 2 || tensor.numel() == 0) {
            throw new InputException(file + " does not hold the weights of this network: it has no matrix " + name
                    + "; use a file that train has written");
        }
        return tensor.shape();
    }

    private static Tensor stack(Stream<Tensor> scalars) {
        return torch.stack(new TensorVector(scalars.toArray(Tensor[]::new)));
    }
}
