package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorContainer;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * What a loader yields: the pair {@code images, labels}.
 *
 * @param images the stacked pictures, float32 (B, 1, 28, 28) for MNIST
 * @param labels their classes, int64 (B)
 */
public record Batch(Tensor images, Tensor labels) implements TensorContainer {
    /**
     * Stacks examples into a batch: {@code default_collate(examples)} for pairs of a tensor and an int.
     *
     * @throws IllegalArgumentException if there are no examples, or their pictures differ in shape
     */
    public static Batch of(List<LabeledImage> examples) {
        if (examples.isEmpty()) {
            throw new IllegalArgumentException("a batch needs at least one example");
        }
        if (examples.stream().anyMatch(Objects::isNull)) {
            throw new IllegalArgumentException("an example of the batch is null");
        }
        long[] labels = examples.stream().mapToLong(LabeledImage::label).toArray();
        return new Batch(
                DefaultCollate.stack(examples.stream().map(LabeledImage::image).toList()), Tensors.int64(labels));
    }

    /**
     * Stacks some examples of a dataset: {@code default_collate([dataset[i] for i in indices])}.
     *
     * @throws IllegalArgumentException if there are no indices, or the images differ in shape
     * @throws IndexOutOfBoundsException if there is no such example
     */
    public static Batch of(Dataset<LabeledImage> dataset, int... indices) {
        ImageDataset images = ImageSubset.of(dataset);
        if (images == null || indices.length == 0) {
            return of(dataset.getItems(indices));
        }
        try (BatchBuffer buffer = new BatchBuffer(images, indices.length, /* pinned= */ false)) {
            buffer.read(indices);
            return new Batch(
                    buffer.batch().images().detach(), buffer.batch().labels().detach());
        }
    }

    /**
     * The stacked images.
     *
     * @throws IllegalStateException if the batch has been freed
     */
    @Override
    public Tensor images() {
        return present(images);
    }

    /**
     * Their classes.
     *
     * @throws IllegalStateException if the batch has been freed
     */
    @Override
    public Tensor labels() {
        return present(labels);
    }

    private static Tensor present(Tensor tensor) {
        if (tensor.isNull()) {
            throw new IllegalStateException("this batch has been freed, as its loader went on; to keep it, take"
                    + " batch.images().clone() and batch.labels().clone() before");
        }
        return tensor;
    }

    /** Number of examples B: {@code len(labels)}. */
    public int size() {
        return Math.toIntExact(labels().size(0));
    }

    @Override
    public Batch mapTensors(UnaryOperator<Tensor> operator) {
        return new Batch(operator.apply(images), operator.apply(labels));
    }

    /** Frees both tensors. */
    @Override
    public void close() {
        images.close();
        labels.close();
    }
}
