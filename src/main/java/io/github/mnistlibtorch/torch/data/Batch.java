package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorContainer;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.AbstractList;
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
public record Batch(Tensor images, Tensor labels) implements TensorContainer, AutoCloseable {
    /**
     * Stacks examples into a batch: {@code default_collate(examples)} for pairs of a tensor and an int.
     *
     * @throws IllegalArgumentException if there are no examples, or their pictures differ in shape
     */
    public static Batch of(List<LabeledImage> examples) {
        if (examples instanceof Rows rows) {
            return rows.batch();
        }
        if (examples.isEmpty()) {
            throw new IllegalArgumentException("a batch needs at least one example");
        }
        long[] labels = examples.stream().mapToLong(LabeledImage::label).toArray();
        return new Batch(
                DefaultCollate.stack(examples.stream().map(LabeledImage::image).toList()), Tensors.int64(labels));
    }

    /**
     * This batch as the list of its examples. {@link #of} gives the batch back without a copy, which is how a dataset
     * hands over many examples fetched in one pass.
     */
    public List<LabeledImage> asExamples() {
        return new Rows(this);
    }

    /** Number of examples B: {@code len(labels)}. */
    public int size() {
        return Math.toIntExact(labels.size(0));
    }

    @Override
    public Batch mapTensors(UnaryOperator<Tensor> operator) {
        return new Batch(operator.apply(images), operator.apply(labels));
    }

    /** Other tensors on the same memory, which lives as long as either needs it. */
    Batch alias() {
        return new Batch(images.detach(), labels.detach());
    }

    /** Frees both tensors. */
    @Override
    public void close() {
        images.close();
        labels.close();
    }

    private static final class Rows extends AbstractList<LabeledImage> {
        private final Batch batch;

        Rows(Batch batch) {
            this.batch = batch;
        }

        Batch batch() {
            return batch;
        }

        @Override
        public LabeledImage get(int index) {
            Objects.checkIndex(index, size());
            try (Tensor label = batch.labels().select(0, index)) {
                return new LabeledImage(batch.images().select(0, index), label.item_long());
            }
        }

        @Override
        public int size() {
            return batch.size();
        }
    }
}
