package io.github.mnistlibtorch.torch.data;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Labelled grey images that are kept as bytes. A loader reads them a batch at a time, without an object for each; all have the
 * same number of rows and columns.
 */
public interface ImageDataset extends Dataset<LabeledImage> {
    /** Height of an image in pixels. */
    int rows();

    /** Width of an image in pixels. */
    int columns();

    /** The class of the image at {@code index}. */
    int label(int index);

    /**
     * Copies the {@code rows * columns} bytes of an image.
     *
     * @param target receives them from {@code position} on; its own position does not move
     */
    void copyPixels(int index, ByteBuffer target, int position);

    /** Returns {@code dataset} if it is an image dataset or, however deep, a subset of one. */
    static @Nullable ImageDataset of(Dataset<LabeledImage> dataset) {
        if (dataset instanceof ImageDataset images) {
            return images;
        }
        ImageDataset whole = dataset instanceof Subset<LabeledImage> subset ? of(subset.dataset()) : null;
        return whole == null ? null : new ImageSubset(whole, (Subset<LabeledImage>) dataset);
    }
}
