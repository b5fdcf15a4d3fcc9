package io.github.mnistlibtorch.torch.data;

import java.util.List;

/** A dataset that writes many examples at once into memory it is given. A loader reads it that way. */
public interface BulkDataset extends Dataset<LabeledImage> {
    /**
     * Memory for a batch.
     *
     * @param size number of examples, at least 1
     * @param pinned whether in pinned memory, from which a GPU copies faster; needs CUDA
     * @return a buffer that the caller closes; no {@link io.github.mnistlibtorch.torch.runtime.TensorScope} does
     */
    BatchBuffer newBuffer(int size, boolean pinned);

    /** The examples at {@code indices}, as one batch of its own: {@link Batch#of} gives it back as it is. */
    @Override
    default List<LabeledImage> getItems(int[] indices) {
        if (indices.length == 0) {
            return List.of();
        }
        try (BatchBuffer buffer = newBuffer(indices.length, /* pinned= */ false)) {
            buffer.read(indices);
            return buffer.batch().alias().asExamples();
        }
    }
}
