package io.github.mnistlibtorch.tutorial;

import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Convolutional neural network for images of 28 × 28 pixels, the next lesson after the article's: filters that look at 3 × 3
 * pixels at a time, wherever in the image these are.
 */
public class MnistCnn extends ImageClassificationBase {
    private static final int KERNEL_SIZE = 3;
    private static final int CHANNELS = 8;

    /** Of the feature maps behind both poolings. */
    private static final int SIDE = 7;

    private final Conv2dImpl conv1;
    private final Conv2dImpl conv2;
    private final LinearImpl linear1;

    /**
     * Draws the weights and biases of all layers from the default generator, in the order in which images pass them.
     *
     * @param outSize number of classes
     */
    public MnistCnn(int outSize) {
        conv1 = register_module("conv1", convolution(1, CHANNELS));
        conv2 = register_module("conv2", convolution(CHANNELS, 2 * CHANNELS));
        linear1 = register_module("linear1", new LinearImpl(2 * CHANNELS * SIDE * SIDE, outSize));
    }

    /** {@code nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)}: the image keeps its size. */
    private static Conv2dImpl convolution(int inChannels, int outChannels) {
        try (LongPointer kernelSize = new LongPointer(KERNEL_SIZE, KERNEL_SIZE);
                LongPointer padding = new LongPointer(1, 1);
                Conv2dOptions options = new Conv2dOptions(inChannels, outChannels, kernelSize)) {
            options.padding().put(padding);
            return new Conv2dImpl(options);
        }
    }

    /** {@inheritDoc} One channel of 28 × 28 pixels, (B, 1, 28, 28). */
    @Override
    public Tensor forward(Tensor xb) {
        Tensor out = torch.max_pool2d(torch.relu(conv1.forward(xb)), 2, 2); // (B, 8, 14, 14)
        out = torch.max_pool2d(torch.relu(conv2.forward(out)), 2, 2); // (B, 16, 7, 7)
        return linear1.forward(out.flatten(1, -1));
    }
}
