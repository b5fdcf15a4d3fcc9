package io.github.mnistlibtorch.torch.data;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/** The rows of tensors of equal length: {@code torch.utils.data.TensorDataset}. Item i is the list of their rows i. */
public final class TensorDataset implements Dataset<List<Tensor>> {
    private final List<Tensor> tensors;

    /**
     * @param tensors at least one, of shapes (N, *); they stay the caller's
     * @throws IllegalArgumentException if they differ in N
     */
    public TensorDataset(Tensor... tensors) {
        this.tensors = List.of(tensors);
        if (this.tensors.isEmpty()) {
            throw new IllegalArgumentException("TensorDataset needs at least one tensor");
        }
        if (Stream.of(tensors).anyMatch(tensor -> tensor.dim() == 0)) {
            throw new IllegalArgumentException("a tensor without dimensions has no rows, as TensorDataset needs them");
        }
        if (Stream.of(tensors).anyMatch(tensor -> tensor.size(0) != tensors[0].size(0))) {
            throw new IllegalArgumentException("Size mismatch between tensors");
        }
    }

    @Override
    public List<Tensor> get(int index) {
        Objects.checkIndex(index, size());
        return tensors.stream().map(tensor -> tensor.select(0, index)).toList();
    }

    @Override
    public int size() {
        return Math.toIntExact(tensors.get(0).size(0));
    }
}
