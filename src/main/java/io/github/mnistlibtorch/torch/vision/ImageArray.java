package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/**
 * Labelled images of one size that lie outside of the Java heap as bytes, and become numbers in [0, 1] when they are fetched. An
 * instance never changes, and any number of threads may fetch from it.
 */
abstract class ImageArray implements ImageDataset {
    private final OffHeapBytes images;
    private final Shape shape;
    private final int[] labels;
    private final List<String> classes;

    /** How an image lies in memory: one channel after the other, or the channels of each pixel side by side. */
    record Shape(int channels, int rows, int columns, boolean isInterleaved) {
        int bytes() {
            return channels * rows * columns;
        }
    }

    ImageArray(OffHeapBytes images, Shape shape, int[] labels, List<String> classes) {
        this.images = images;
        this.shape = shape;
        this.labels = labels;
        this.classes = List.copyOf(classes);
    }

    /**
     * {@code dataset[index]}.
     *
     * @return an image, float32 (channels, rows, columns) in [0, 1], and its label
     * @throws IndexOutOfBoundsException if {@code index} is negative (Python would count from the end) or too large
     */
    @Override
    public LabeledImage get(int index) {
        byte[] image = new byte[shape.bytes()];
        copyPixels(index, ByteBuffer.wrap(image), 0);
        return new LabeledImage(ToTensor.toTensor(image, shape.channels, shape.rows, shape.columns), labels[index]);
    }

    @Override
    public void copyPixels(int index, ByteBuffer target, int position) {
        long from = (long) Objects.checkIndex(index, size()) * shape.bytes();
        if (!shape.isInterleaved) {
            images.copy(from, shape.bytes(), target, position);
            return;
        }
        byte[] interleaved = new byte[shape.bytes()];
        images.copy(from, interleaved.length, ByteBuffer.wrap(interleaved), 0);
        int pixels = shape.rows * shape.columns;
        for (int i = 0; i < interleaved.length; i++) {
            target.put(position + i % shape.channels * pixels + i / shape.channels, interleaved[i]);
        }
    }

    /** Number of examples: {@code len(dataset)}. */
    @Override
    public int size() {
        return labels.length;
    }

    /**
     * The class of an example, without its image: {@code int(dataset.targets[index])}.
     *
     * @throws IndexOutOfBoundsException if there is no such example
     */
    @Override
    public int label(int index) {
        return labels[Objects.checkIndex(index, size())];
    }

    @Override
    public int rows() {
        return shape.rows;
    }

    @Override
    public int columns() {
        return shape.columns;
    }

    @Override
    public int channels() {
        return shape.channels;
    }

    @Override
    public List<String> classes() {
        return classes;
    }
}
