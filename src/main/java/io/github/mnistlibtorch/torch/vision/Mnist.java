package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Handwritten digits with their labels: {@code torchvision.datasets.MNIST(root, train, transform=ToTensor())}, and any
 * set of the same form (ten classes, grey pictures), such as Fashion-MNIST or KMNIST.
 *
 * <p>The pictures lie outside of the Java heap as bytes, or in their file if that is large and not gzipped, and become
 * numbers in [0, 1] when they are fetched. An instance never changes, and any number of threads may fetch from it.
 */
public final class Mnist implements ImageDataset {
    private static final List<String> CLASSES = List.of(
            "0 - zero",
            "1 - one",
            "2 - two",
            "3 - three",
            "4 - four",
            "5 - five",
            "6 - six",
            "7 - seven",
            "8 - eight",
            "9 - nine");

    /** The two halves of the data set: {@code train=True} and {@code train=False}. */
    public enum Split {
        /** 60,000 examples to learn from. */
        TRAIN("train", "Train"),
        /** 10,000 examples to test on, by other writers. */
        TEST("t10k", "Test");

        private final String prefix;
        private final String title;

        Split(String prefix, String title) {
            this.prefix = prefix;
            this.title = title;
        }

        String imagesFile() {
            return prefix + "-images-idx3-ubyte";
        }

        String labelsFile() {
            return prefix + "-labels-idx1-ubyte";
        }
    }

    private final OffHeapBytes images;
    private final int rows;
    private final int columns;
    private final byte[] labels;
    private final List<String> origin;

    /** @param origin lines about where the data are from, for {@link #toString} */
    private Mnist(OffHeapBytes images, int rows, int columns, byte[] labels, List<String> origin) {
        this.images = images;
        this.rows = rows;
        this.columns = columns;
        this.labels = labels;
        this.origin = origin;
    }

    /** The data set that comes with this library. */
    public static Mnist bundled(Split split) {
        try {
            return join(bundled(split.imagesFile()), bundled(split.labelsFile()), "bundled", split);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static IdxReader.Content bundled(String file) throws IOException {
        String resource = "/mnist/" + file + ".gz";
        try (InputStream in = Mnist.class.getResourceAsStream(resource)) {
            return IdxReader.readContent(Objects.requireNonNull(in, resource), resource);
        }
    }

    /**
     * Reads a data set: {@code MNIST(root, train=split == TRAIN, transform=ToTensor())}.
     *
     * <p>The four files, each raw or gzipped ({@code .gz}; raw wins where both exist), are looked for in
     * {@code root/MNIST/raw} as torchvision lays them out, then in {@code root/raw}, then in {@code root}. As in
     * torchvision all four must be there for either split. Beyond torchvision, a set whose numbers of pictures and labels
     * differ, or with a label above 9, is refused here and not halfway through training.
     *
     * @param root a leading {@code ~} stands for the user's home folder
     * @throws InputException if a file is missing, damaged or not of this form
     */
    public static Mnist load(Path root, Split split) throws InputException {
        MnistFolder folder = MnistFolder.find(root);
        return join(
                IdxReader.readContent(folder.file(split.imagesFile())),
                IdxReader.readContent(folder.file(split.labelsFile())),
                MnistFolder.expandUser(root).toString(),
                split);
    }

    /**
     * Fetches MNIST into {@code root/MNIST/raw}, unless it is there: the download of {@code MNIST(root, download=True)}.
     * {@link MnistDownload} has the details, and other servers.
     *
     * @param root a leading {@code ~} stands for the user's home folder
     * @throws InputException if no mirror gives an intact file, or the folder cannot be written
     */
    public static void download(Path root, MnistDownload.Progress progress) throws InputException {
        MnistDownload.standard().withProgress(progress).to(root);
    }

    /**
     * A data set from memory.
     *
     * @param images uint8 (N, rows, columns)
     * @param labels N classes, each 0 to 9
     * @throws IllegalArgumentException if the numbers do not fit together, or a label is not 0 to 9
     */
    public static Mnist of(byte[] images, int rows, int columns, byte[] labels) {
        if (rows < 1 || columns < 1 || images.length != (long) labels.length * rows * columns) {
            throw new IllegalArgumentException(images.length + " bytes are not " + labels.length + " pictures of "
                    + rows + " x " + columns + " pixels");
        }
        int wrong = indexOfWrongLabel(labels);
        if (wrong >= 0) {
            throw new IllegalArgumentException(
                    "label " + (labels[wrong] & 0xff) + " at index " + wrong + " is not a class from 0 to 9");
        }
        return new Mnist(OffHeapBytes.of(images), rows, columns, labels.clone(), List.of());
    }

    private static Mnist join(IdxReader.Content images, IdxReader.Content labels, String root, Split split)
            throws InputException {
        List<Integer> shape = shape(images, 3, "pictures");
        int count = shape(labels, 1, "labels").get(0);
        String labelsName = labels.header().name();
        if (shape.get(0) != count) {
            throw new InputException(images.header().name() + " holds " + shape.get(0) + " pictures but " + labelsName
                    + " holds " + count + " labels; take both from the same set");
        }
        byte[] classes = labels.data().toArray();
        int wrong = indexOfWrongLabel(classes);
        if (wrong >= 0) {
            throw new InputException(labelsName + " holds the label " + (classes[wrong] & 0xff) + " at index " + wrong
                    + "; use a set whose classes are 0 to 9");
        }
        List<String> origin = List.of("Root location: " + root, "Split: " + split.title);
        return new Mnist(images.data(), shape.get(1), shape.get(2), classes, origin);
    }

    private static List<Integer> shape(IdxReader.Content content, int dimensions, String what) throws InputException {
        IdxReader.Header header = content.header();
        if (header.type() != IdxReader.Type.UINT8 || header.shape().size() != dimensions) {
            throw new InputException(header.name() + " holds " + header.type() + " data of "
                    + header.shape().size() + " dimension(s), but " + what + " are UINT8 of " + dimensions
                    + "; check that each file has its own name");
        }
        return header.shape();
    }

    private static int indexOfWrongLabel(byte[] labels) {
        for (int i = 0; i < labels.length; i++) {
            if ((labels[i] & 0xff) >= CLASSES.size()) {
                return i;
            }
        }
        return -1;
    }

    /**
     * {@code dataset[index]}.
     *
     * @return a picture, float32 (1, rows, columns) in [0, 1], and its label
     * @throws IndexOutOfBoundsException if {@code index} is negative (Python would count from the end) or too large
     */
    @Override
    public LabeledImage get(int index) {
        byte[] image = new byte[rows * columns];
        copyPixels(index, ByteBuffer.wrap(image), 0);
        return new LabeledImage(ToTensor.toTensor(image, rows, columns), labels[index]);
    }

    @Override
    public void copyPixels(int index, ByteBuffer target, int position) {
        int pixels = rows * columns;
        images.copy((long) Objects.checkIndex(index, size()) * pixels, pixels, target, position);
    }

    /** Number of examples: {@code len(dataset)}. */
    @Override
    public int size() {
        return labels.length;
    }

    /**
     * The class of an example, without its picture: {@code int(dataset.targets[index])}.
     *
     * @return 0 to 9
     * @throws IndexOutOfBoundsException if there is no such example
     */
    @Override
    public int label(int index) {
        return labels[Objects.checkIndex(index, size())];
    }

    /** A checksum of all pictures and labels: the same for the same set, wherever it is read from. */
    public long crc32() {
        CRC32 crc = new CRC32();
        images.update(crc);
        crc.update(labels);
        return crc.getValue();
    }

    /** Height of a picture in pixels; 28 for MNIST. */
    @Override
    public int rows() {
        return rows;
    }

    /** Width of a picture in pixels; 28 for MNIST. */
    @Override
    public int columns() {
        return columns;
    }

    /** Names of the ten classes, {@code "0 - zero"} to {@code "9 - nine"}: {@code MNIST.classes}. */
    public static List<String> classes() {
        return CLASSES;
    }

    /** {@code repr(dataset)}, over several lines. */
    @Override
    public String toString() {
        return Stream.of(Stream.of("Number of datapoints: " + size()), origin.stream(), Stream.of("StandardTransform"))
                .flatMap(lines -> lines)
                .collect(Collectors.joining("\n    ", "Dataset MNIST\n    ", "\nTransform: ToTensor()"));
    }
}
