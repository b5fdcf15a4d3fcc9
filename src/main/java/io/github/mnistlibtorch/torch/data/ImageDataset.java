package io.github.mnistlibtorch.torch.data;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.zip.CRC32;

/**
 * Labelled images that are kept as bytes. A loader reads them a batch at a time, without an object for each; all have the same
 * size.
 */
public interface ImageDataset extends Dataset<LabeledImage> {
    /** Height of an image in pixels. */
    int rows();

    /** Width of an image in pixels. */
    int columns();

    /** 1 for grey images, 3 for red, green and blue. */
    default int channels() {
        return 1;
    }

    /** Names of the classes, by label: {@code dataset.classes}. */
    List<String> classes();

    /**
     * The class of the image at {@code index}.
     *
     * @throws IndexOutOfBoundsException if there is no such image
     */
    int label(int index);

    /**
     * Copies the {@code channels * rows * columns} bytes of an image, one channel after the other.
     *
     * @param target receives them from {@code position} on; its own position does not move
     * @throws IndexOutOfBoundsException if there is no such image, or no room for it
     */
    void copyPixels(int index, ByteBuffer target, int position);

    /** A checksum of all images and labels: the same for the same set, wherever it is read from. */
    default long crc32() {
        CRC32 crc = new CRC32();
        ByteBuffer image = ByteBuffer.allocate(channels() * rows() * columns());
        for (int i = 0; i < size(); i++) {
            copyPixels(i, image, 0);
            crc.update(image.array());
        }
        for (int i = 0; i < size(); i++) {
            crc.update(label(i)); // its lowest byte; the images above are what tells sets apart
        }
        return crc.getValue();
    }
}
