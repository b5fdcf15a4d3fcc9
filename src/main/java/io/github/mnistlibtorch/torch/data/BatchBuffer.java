package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Puts batches of images together, in memory that is filled again and again: with it, a loader trains without taking memory
 * for each step. Used by one thread at a time.
 */
final class BatchBuffer implements AutoCloseable {
    /**
     * So few elements at once that they stay in the processor's cache between the two conversions, and that ATen gives no work to
     * its other threads: the loader has threads enough.
     */
    private static final int ELEMENTS_AT_ONCE = 32_768;

    private final ImageDataset dataset;
    private final Batch batch;
    private final Scalar white;
    private final int pixels;
    private final int atOnce;
    private final Tensor grey; // uint8 (atOnce, channels, rows, columns)
    private final ByteBuffer greyBytes;
    private final long[] labels;

    /**
     * Takes memory that no scope frees.
     *
     * @param size number of examples, at least 1
     * @param pinned whether in pinned memory, from which a GPU copies faster; needs CUDA
     */
    BatchBuffer(ImageDataset dataset, int size, boolean pinned) {
        this.dataset = dataset;
        int rows = dataset.rows();
        int columns = dataset.columns();
        int channels = dataset.channels();
        pixels = channels * rows * columns;
        atOnce = Math.min(size, Math.max(1, ELEMENTS_AT_ONCE / pixels));
        try (TensorScope scope = TensorScope.open()) {
            white = scope.keep(new Scalar(255.0));
            grey = scope.keep(empty(ScalarType.Byte, false, atOnce, channels, rows, columns));
            greyBytes = new BytePointer(grey.data_ptr())
                    .capacity((long) atOnce * pixels)
                    .asByteBuffer();
            batch = new Batch(
                    scope.keep(empty(ScalarType.Float, pinned, size, channels, rows, columns)),
                    scope.keep(empty(ScalarType.Long, pinned, size)));
        }
        labels = new long[size];
    }

    /**
     * Writes the examples at {@code indices} into the batch, in that order: float32 images in [0, 1], with the bits of
     * {@code ToTensor}, and int64 labels.
     *
     * @param indices as many as the buffer was made for
     * @throws IndexOutOfBoundsException if there is no such example
     */
    void read(int[] indices) {
        if (indices.length != labels.length) {
            throw new IllegalArgumentException(indices.length + " examples do not fit a buffer for " + labels.length);
        }
        int size = dataset.size();
        for (int index : indices) {
            Objects.checkIndex(index, size);
        }
        for (int from = 0; from < indices.length; from += atOnce) {
            readImages(indices, from, Math.min(atOnce, indices.length - from));
        }
        for (int k = 0; k < indices.length; k++) {
            labels[k] = dataset.label(indices[k]);
        }
        batch.labels().data_ptr_long().put(labels, 0, labels.length);
    }

    private void readImages(int[] indices, int from, int count) {
        for (int k = 0; k < count; k++) {
            dataset.copyPixels(indices[from + k], greyBytes, k * pixels);
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor target = batch.images().narrow(/* dim= */ 0, from, count);
            target.copy_(grey.narrow(/* dim= */ 0, 0, count));
            target.div_(white);
        }
    }

    /** The tensors; they belong to the buffer. */
    Batch batch() {
        return batch;
    }

    /** Other tensors on the same memory, which no scope frees; the memory lives as long as any of them needs it. */
    Batch alias() {
        try (TensorScope scope = TensorScope.open()) {
            return Tensors.keep(
                    scope, new Batch(batch.images().detach(), batch.labels().detach()));
        }
    }

    /** Frees the buffer; memory that another tensor still refers to lives as long as that. */
    @Override
    public void close() {
        batch.close();
        grey.close();
        white.close();
    }

    private static Tensor empty(ScalarType dtype, boolean pinned, long... shape) {
        try (TensorOptions options = new TensorOptions(dtype);
                BoolOptional inPinnedMemory = new BoolOptional(pinned);
                TensorOptions placed = options.pinned_memory(inPinnedMemory)) {
            return torch.empty(shape, placed, null);
        }
    }
}
