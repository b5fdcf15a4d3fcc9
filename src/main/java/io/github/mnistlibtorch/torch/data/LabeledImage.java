package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorContainer;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * One labelled picture: the tuple {@code (image, label)} that a dataset of torchvision yields.
 *
 * @param image float32 (1, 28, 28), values in [0, 1], for MNIST under {@code ToTensor}
 * @param label the class, 0 to 9 for MNIST
 */
public record LabeledImage(Tensor image, long label) implements TensorContainer {
    @Override
    public LabeledImage mapTensors(UnaryOperator<Tensor> operator) {
        return new LabeledImage(operator.apply(image), label);
    }
}
