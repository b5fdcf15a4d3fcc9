package io.github.mnistlibtorch.tutorial;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The article's network with any number of hidden layers: {@code linear1}, {@code linear2}, and so on. */
public class MnistMlp extends ImageClassificationBase {
    private final List<LinearImpl> hiddenLayers = new ArrayList<>();
    private final LinearImpl outputLayer;

    /**
     * Draws the weights and biases of all layers from the default generator, in the order in which images pass them.
     *
     * @param inSize pixels of an image, 784 for MNIST
     * @param hiddenSizes units of each hidden layer, at least one
     * @param outSize number of classes
     * @throws IllegalArgumentException if {@code hiddenSizes} is empty
     */
    public MnistMlp(int inSize, List<Integer> hiddenSizes, int outSize) {
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

    /** {@inheritDoc} Any shape with {@code inSize} elements behind the first dimension will do. */
    @Override
    public Tensor forward(Tensor xb) {
        Tensor out = xb.view(xb.size(0), -1);
        for (LinearImpl layer : hiddenLayers) {
            out = torch.relu(layer.forward(out));
        }
        return outputLayer.forward(out);
    }
}
