package io.github.mnistlibtorch.data;

import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/** A container that knows its tensors, so that a loader can keep them, pin them and free them. */
public interface HasTensors {
    /** Calls {@code action} with each tensor of this container. */
    void forEachTensor(Consumer<Tensor> action);
}
