package io.github.mnistlibtorch.torch.data;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * One labelled picture: the tuple {@code (image, label)} that a dataset of torchvision yields.
 *
 * @param image float32 (1, 28, 28), values in [0, 1], for MNIST under {@code ToTensor}
 * @param label the class, 0 to 9 for MNIST
 */
public record Example(Tensor image, long label) implements HasTensors {
    @Override
    public Example mapTensors(UnaryOperator<Tensor> operator) {
        return new Example(operator.apply(image), label);
    }
}
