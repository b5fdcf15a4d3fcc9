package io.github.mnistlibtorch.torch.data;

import java.nio.ByteBuffer;

/**
 * Labelled grey images that are kept as bytes. A loader reads them a batch at a time, without an object for each; all have the
 * same number of rows and columns.
 */
public interface ImageDataset extends Dataset<LabeledImage> {
    /** Height of an image in pixels. */
    int rows();

    /** Width of an image in pixels. */
    int columns();

    /**
     * The class of the image at {@code index}.
     *
     * @throws IndexOutOfBoundsException if there is no such image
     */
    int label(int index);

    /**
     * Copies the {@code rows * columns} bytes of an image.
     *
     * @param target receives them from {@code position} on; its own position does not move
     * @throws IndexOutOfBoundsException if there is no such image, or no room for it
     */
    void copyPixels(int index, ByteBuffer target, int position);
}
