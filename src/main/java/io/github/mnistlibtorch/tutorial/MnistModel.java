package io.github.mnistlibtorch.tutorial;

import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Feedforward neural network with one hidden layer: the article's {@code class MnistModel(nn.Module)}. */
public class MnistModel extends ImageClassificationBase {
    private final LinearImpl linear1;
    private final LinearImpl linear2;

    /**
     * Draws the weights and biases of both layers from the default generator.
     *
     * @param inSize pixels of an image, 784 for MNIST
     * @param hiddenSize units of the hidden layer
     * @param outSize number of classes
     */
    public MnistModel(int inSize, int hiddenSize, int outSize) {
        // Hidden layer
        linear1 = register_module("linear1", new LinearImpl(inSize, hiddenSize));
        // Output layer
        linear2 = register_module("linear2", new LinearImpl(hiddenSize, outSize));
    }

    /** {@inheritDoc} Any shape with {@code inSize} elements behind the first dimension will do. */
    @Override
    public Tensor forward(Tensor xb) {
        // A linear layer expects vectors: flatten the images
        Tensor flat = xb.view(xb.size(0), -1);
        // What the hidden units make of them
        Tensor out = linear1.forward(flat);
        // The bend without which two linear layers would be one
        out = torch.relu(out);
        // A score for each class
        return linear2.forward(out);
    }
}
