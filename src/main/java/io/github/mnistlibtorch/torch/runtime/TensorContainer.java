package io.github.mnistlibtorch.torch.runtime;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * A container that knows its tensors, so that a loader can keep, pin and free them and {@code to_device} can move
 * them. Lists and maps need not be one: they are looked into anyway.
 */
public interface TensorContainer extends AutoCloseable {
    /** A container of the same kind, with each tensor replaced by what {@code operator} makes of it. */
    TensorContainer mapTensors(UnaryOperator<Tensor> operator);

    /** Frees the tensors. */
    @Override
    default void close() {
        mapTensors(tensor -> {
            tensor.close();
            return tensor;
        });
    }
}
