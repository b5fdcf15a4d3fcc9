package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Collects the losses of steps. Those on a GPU are read all at once when they are asked for: to read one makes the training
 * thread wait until the GPU has come so far.
 */
final class LossAccumulator implements AutoCloseable {
    private final List<Double> read = new ArrayList<>();
    private final List<Tensor> onDevice = new ArrayList<>();

    /** @param loss a scalar; may be freed when this returns */
    void add(Tensor loss) {
        if (loss.is_cpu()) {
            read.add(loss.item_double());
            return;
        }
        try (TensorScope scope = TensorScope.open()) {
            onDevice.add(scope.keep(loss.detach()));
        }
    }

    /** All that were added since the last call, in order; they may be on the CPU or on one device. */
    List<Double> drain() {
        if (!onDevice.isEmpty()) {
            try (TensorScope scope = TensorScope.open()) {
                Tensor losses = torch.stack(new TensorVector(onDevice.toArray(Tensor[]::new)));
                for (double value : Tensors.toDoubles(losses)) {
                    read.add(value);
                }
            } finally {
                onDevice.forEach(Tensor::close);
                onDevice.clear();
            }
        }
        List<Double> taken = List.copyOf(read);
        read.clear();
        return taken;
    }

    /** Forgets those that were not taken, and frees those on a GPU. */
    @Override
    public void close() {
        read.clear();
        onDevice.forEach(Tensor::close);
        onDevice.clear();
    }
}
