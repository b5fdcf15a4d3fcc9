package io.github.mnistlibtorch.tutorial;

import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Convolutional neural network, the next lesson after the article's: filters that look at 3 × 3 pixels at a time, wherever in the
 * image these are.
 */
public class MnistCnn extends ImageClassificationBase {
    private static final int KERNEL_SIZE = 3;
    private static final int CHANNELS = 8;
    private static final int SIDE = 28;

    /** In pixels: both poolings together make a side four times smaller. */
    public static final int LEAST_SIDE = 4;

    private final Conv2dImpl conv1;
    private final Conv2dImpl conv2;
    private final LinearImpl linear1;

    /**
     * For grey images of 28 × 28 pixels. Draws the weights and biases of all layers from the default generator, in the order in which
     * images pass them.
     *
     * @param outSize number of classes
     */
    public MnistCnn(int outSize) {
        this(1, SIDE, SIDE, outSize);
    }

    /**
     * For images of any size. Draws the weights and biases of all layers from the default generator, in the order in which images pass
     * them.
     *
     * @param channels of an image: 1 for grey, 3 for colours
     * @param rows height of an image in pixels, at least {@link #LEAST_SIDE}
     * @param columns width of an image in pixels, at least {@link #LEAST_SIDE}
     * @param outSize number of classes
     * @throws IllegalArgumentException if an image is smaller than that
     */
    public MnistCnn(int channels, int rows, int columns, int outSize) {
        if (Math.min(rows, columns) < LEAST_SIDE) {
            throw new IllegalArgumentException("images of " + rows + " x " + columns + " pixels are too small for two"
                    + " poolings; " + LEAST_SIDE + " x " + LEAST_SIDE + " is the least");
        }
        conv1 = register_module("conv1", convolution(channels, CHANNELS));
        conv2 = register_module("conv2", convolution(CHANNELS, 2 * CHANNELS));
        int features = 2 * CHANNELS * (rows / LEAST_SIDE) * (columns / LEAST_SIDE);
        linear1 = register_module("linear1", new LinearImpl(features, outSize));
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

    /** {@inheritDoc} (B, channels, rows, columns); the shapes below are those of MNIST. */
    @Override
    public Tensor forward(Tensor xb) {
        Tensor out = torch.max_pool2d(torch.relu(conv1.forward(xb)), 2, 2); // (B, 8, 14, 14)
        out = torch.max_pool2d(torch.relu(conv2.forward(out)), 2, 2); // (B, 16, 7, 7)
        return linear1.forward(out.flatten(1, -1));
    }
}
