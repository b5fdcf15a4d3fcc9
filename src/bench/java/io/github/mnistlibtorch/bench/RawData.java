package io.github.mnistlibtorch.bench;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/** A training set of any size in MNIST's form: its four files, unpacked, with MNIST's pictures over and over. */
final class RawData {
    private static final int PICTURE = 28 * 28;
    private static final int IMAGES_HEADER = 16;
    private static final int LABELS_HEADER = 8;
    private static final int TEST_IMAGES = 10_000;

    private RawData() {}

    /** Bytes that {@link #write} takes on the disk. */
    static long bytes(int images) {
        return (images + (long) TEST_IMAGES) * (PICTURE + 1) + 2 * (IMAGES_HEADER + LABELS_HEADER);
    }

    /**
     * Writes a set.
     *
     * @param folder is made
     * @param images pictures in the part to train on
     */
    static void write(Path folder, int images) throws IOException {
        Files.createDirectories(folder);
        repeat("train-images-idx3-ubyte", IMAGES_HEADER, images, PICTURE, folder);
        repeat("train-labels-idx1-ubyte", LABELS_HEADER, images, 1, folder);
        repeat("t10k-images-idx3-ubyte", IMAGES_HEADER, TEST_IMAGES, PICTURE, folder);
        repeat("t10k-labels-idx1-ubyte", LABELS_HEADER, TEST_IMAGES, 1, folder);
    }

    /** Deletes what {@link #write} has written. */
    static void delete(Path folder) throws IOException {
        try (var files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    private static void repeat(String name, int header, int items, int itemBytes, Path folder) throws IOException {
        ByteBuffer mnist = ByteBuffer.wrap(unpacked("/mnist/" + name + ".gz"));
        mnist.putInt(Integer.BYTES, items); // behind the magic number
        int data = mnist.capacity() - header;
        try (var out = new BufferedOutputStream(Files.newOutputStream(folder.resolve(name)))) {
            out.write(mnist.array(), 0, header);
            for (long left = (long) items * itemBytes; left > 0; left -= data) {
                out.write(mnist.array(), header, (int) Math.min(left, data));
            }
        }
    }

    private static byte[] unpacked(String resource) throws IOException {
        try (InputStream packed = Objects.requireNonNull(RawData.class.getResourceAsStream(resource), resource);
                InputStream in = new GZIPInputStream(packed)) {
            return in.readAllBytes();
        }
    }
}
