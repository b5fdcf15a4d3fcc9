package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Handwritten digits with their labels: {@code torchvision.datasets.MNIST(root, train, transform=ToTensor())}, and sets of the same
 * form: Fashion-MNIST, KMNIST, EMNIST, QMNIST, and any other of grey or colour pictures of one size.
 *
 * <p>The pictures lie outside of the Java heap as bytes, or in their file if that is large and not gzipped, and become
 * numbers in [0, 1] when they are fetched. An instance never changes, and any number of threads may fetch from it.
 */
public final class Mnist extends ImageArray {
    /** What a file may call a class; an int could count more than any set has. */
    private static final int MOST_LABEL = 0xffff;

    /** The two halves of the data set: {@code train=True} and {@code train=False}. */
    public enum Split {
        /** 60,000 examples to learn from. */
        TRAIN("Train"),
        /** 10,000 examples to test on, by other writers. */
        TEST("Test");

        private final String title;

        Split(String title) {
            this.title = title;
        }
    }

    private final MnistVariant variant;
    private final List<String> origin;

    /** @param origin lines about where the data are from, for {@link #toString} */
    private Mnist(
            OffHeapBytes images,
            Shape shape,
            int[] labels,
            List<String> classes,
            MnistVariant variant,
            List<String> origin) {
        super(images, shape, labels, classes);
        this.variant = variant;
        this.origin = origin;
    }

    /** The data set that comes with this library. */
    public static Mnist bundled(Split split) {
        MnistVariant mnist = MnistVariant.MNIST;
        try {
            IdxReader.Content images = bundled(mnist.imagesFile(split));
            int[] labels = labels(bundled(mnist.labelsFile(split)), mnist);
            return new Mnist(images.data(), shape(images), labels, mnist.classes(), mnist, origin("bundled", split));
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

    private static List<String> origin(String root, Split split) {
        return List.of("Root location: " + root, "Split: " + split.title);
    }

    /**
     * Reads a data set: {@code MNIST(root, train=split == TRAIN, transform=ToTensor())}, or torchvision's {@code FashionMNIST},
     * {@code KMNIST}, {@code EMNIST(root, split=…)} or {@code QMNIST}.
     *
     * <p>The four files, each raw or gzipped ({@code .gz}; raw wins where both exist), are looked for in
     * {@code root/MNIST/raw} as torchvision lays them out, then in {@code root/raw}, then in {@code root}, then where torchvision
     * has the other sets. As in torchvision all four must be there for either split. {@code root/emnist-letters}, if there is no
     * such file, names one of several sets in {@code root}. {@code root} may also be a {@code .npz} file with the arrays
     * {@code x_train}, {@code y_train}, {@code x_test} and {@code y_test}, or a folder of KMNIST's.
     *
     * <p>Labels and pictures are torchvision's: those of EMNIST lie on their side, and its letters begin with label 1. A set of no
     * known name has as many classes as its largest label asks for, ten at least. Beyond torchvision, a set whose numbers of
     * pictures and labels differ is refused here and not halfway through training.
     *
     * @param root a leading {@code ~} stands for the user's home folder
     * @throws InputException if a file is missing, damaged or not of this form
     */
    public static Mnist load(Path root, Split split) throws InputException {
        Path home = MnistFolder.expandUser(root);
        Optional<MnistFolder> complete = MnistFolder.findComplete(root);
        Optional<NpzSet> npz = complete.isPresent() ? Optional.empty() : NpzSet.find(home);
        return npz.isPresent() ? ofArrays(npz.get(), home, split) : ofFiles(MnistFolder.find(root), home, split);
    }

    private static Mnist ofFiles(MnistFolder folder, Path root, Split split) throws InputException {
        MnistVariant variant = folder.variant();
        Path labelsFile = folder.file(variant.labelsFile(split));
        IdxReader.Content images = IdxReader.readContent(folder.file(variant.imagesFile(split)));
        Shape shape = shape(images);
        int[] labels = labels(IdxReader.readContent(labelsFile), variant);
        requireAsMany(images.header().name(), images.header().shape().get(0), labelsFile.toString(), labels.length);
        List<String> classes = variant.classes();
        if (most(labels) >= classes.size()) {
            int most = 0;
            for (Split part : Split.values()) {
                most = Math.max(
                        most, most(labels(IdxReader.readContent(folder.file(variant.labelsFile(part))), variant)));
            }
            classes = numbers(most);
        }
        return new Mnist(images.data(), shape, labels, classes, variant, origin(root.toString(), split));
    }

    private static Mnist ofArrays(NpzSet set, Path root, Split split) throws InputException {
        NpzSet.Arrays arrays = set.read(split);
        NpyArray images = arrays.images();
        List<Integer> sizes = images.shape();
        int channels = sizes.size() == 4 ? sizes.get(3) : 1;
        if (!images.type().equals("|u1") || sizes.size() < 3 || channels != 1 && channels != 3) {
            throw new InputException(images.name() + " is " + images.type() + " of the shape " + sizes
                    + "; pictures are uint8 of (number, rows, columns), or of these and 3 colours");
        }
        int[] labels = labels(arrays);
        requireAsMany(images.name(), sizes.get(0), arrays.labels().name(), labels.length);
        List<String> classes = set.variant().classes();
        if (most(labels) >= classes.size()) {
            int most = 0;
            for (Split part : Split.values()) {
                most = Math.max(most, most(labels(set.read(part))));
            }
            classes = numbers(most);
        }
        Shape shape = new Shape(channels, sizes.get(1), sizes.get(2), /* isInterleaved= */ true);
        return new Mnist(images.data(), shape, labels, classes, set.variant(), origin(root.toString(), split));
    }

    private static int[] labels(NpzSet.Arrays arrays) throws InputException {
        int[] labels = arrays.labels().toInts();
        requireLabels(labels, arrays.labels().name());
        return labels;
    }

    private static List<String> numbers(int most) {
        return IntStream.rangeClosed(0, most).mapToObj(Integer::toString).toList();
    }

    private static int most(int[] labels) {
        return Arrays.stream(labels).max().orElse(0);
    }

    /**
     * Whether {@link #load} finds a set.
     *
     * @throws InputException if there are several, or a folder cannot be read
     */
    public static boolean isIn(Path root) throws InputException {
        return MnistFolder.findComplete(root).isPresent()
                || NpzSet.find(MnistFolder.expandUser(root)).isPresent();
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
        int[] classes = unsigned(labels);
        int digits = MnistVariant.MNIST.classes().size();
        for (int i = 0; i < classes.length; i++) {
            if (classes[i] >= digits) {
                throw new IllegalArgumentException(
                        "label " + classes[i] + " at index " + i + " is not a class from 0 to " + (digits - 1));
            }
        }
        return new Mnist(
                OffHeapBytes.of(images),
                new Shape(1, rows, columns, /* isInterleaved= */ false),
                classes,
                MnistVariant.MNIST.classes(),
                MnistVariant.MNIST,
                List.of());
    }

    private static int[] unsigned(byte[] bytes) {
        int[] numbers = new int[bytes.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = bytes[i] & 0xff;
        }
        return numbers;
    }

    private static Shape shape(IdxReader.Content images) throws InputException {
        requireForm(images, IdxReader.Type.UINT8, 3, "pictures");
        List<Integer> sizes = images.header().shape();
        return new Shape(1, sizes.get(1), sizes.get(2), /* isInterleaved= */ false);
    }

    /** One for each picture; QMNIST has eight numbers for each, of which the class is the first. */
    private static int[] labels(IdxReader.Content labels, MnistVariant variant) throws InputException {
        if (variant != MnistVariant.QMNIST) {
            requireForm(labels, IdxReader.Type.UINT8, 1, "labels");
            return unsigned(labels.data().toArray());
        }
        requireForm(labels, IdxReader.Type.INT32, 2, "labels of QMNIST");
        int columns = labels.header().shape().get(1);
        ByteBuffer numbers = ByteBuffer.wrap(labels.data().toArray());
        int[] classes = IntStream.range(0, labels.header().shape().get(0))
                .map(i -> numbers.getInt(i * columns * Integer.BYTES))
                .toArray();
        requireLabels(classes, labels.header().name());
        return classes;
    }

    private static void requireForm(IdxReader.Content content, IdxReader.Type type, int dimensions, String what)
            throws InputException {
        IdxReader.Header header = content.header();
        if (header.type() != type || header.shape().size() != dimensions) {
            throw new InputException(header.name() + " holds " + header.type() + " data of "
                    + header.shape().size() + " dimension(s), but " + what + " are " + type + " of " + dimensions
                    + "; check that each file has its own name");
        }
    }

    private static void requireAsMany(String imagesName, int images, String labelsName, int labels)
            throws InputException {
        if (images != labels) {
            throw new InputException(imagesName + " holds " + images + " pictures but " + labelsName + " holds "
                    + labels + " labels; take both from the same set");
        }
    }

    private static void requireLabels(int[] labels, String name) throws InputException {
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] < 0 || labels[i] > MOST_LABEL) {
                throw new InputException(name + " holds the label " + labels[i] + " at index " + i
                        + "; use a set whose classes are 0 to " + MOST_LABEL);
            }
        }
    }

    /** Whether the pictures lie on their side, mirrored, as those of EMNIST do, here and in Python. */
    public boolean isTransposed() {
        return variant.isTransposed();
    }

    /** {@code repr(dataset)}, over several lines. */
    @Override
    public String toString() {
        return Stream.of(Stream.of("Number of datapoints: " + size()), origin.stream(), Stream.of("StandardTransform"))
                .flatMap(lines -> lines)
                .collect(
                        Collectors.joining("\n    ", "Dataset " + variant.set() + "\n    ", "\nTransform: ToTensor()"));
    }
}
