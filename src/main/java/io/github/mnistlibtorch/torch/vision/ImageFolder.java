package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Pictures in a folder that has a subfolder for each class: {@code torchvision.datasets.ImageFolder}. All of them are read when
 * it is made, in colour; a picture is PNG, JPEG, BMP or GIF.
 */
public final class ImageFolder extends ImageArray {
    private static final List<String> EXTENSIONS = List.of(".png", ".jpg", ".jpeg", ".bmp", ".gif");

    private final Path root;
    private final @Nullable Shape resized;

    private ImageFolder(
            OffHeapBytes images, Shape shape, int[] labels, List<String> classes, Path root, @Nullable Shape resized) {
        super(images, shape, labels, classes);
        this.root = root;
        this.resized = resized;
    }

    /**
     * {@code ImageFolder(root, transform=ToTensor())}: float32 (3, rows, columns).
     *
     * @throws InputException if there is no subfolder, a subfolder has no picture, a picture is damaged, or they are not all of
     *     one size
     */
    public static ImageFolder load(Path root) throws InputException {
        return load(root, null);
    }

    /**
     * {@code ImageFolder(root, transform=Compose([Resize((rows, columns)), ToTensor()]))}: float32 (3, rows, columns), bilinear with
     * antialiasing, in Pillow's bits.
     *
     * @throws InputException if there is no subfolder, a subfolder has no picture, or a picture is damaged
     */
    public static ImageFolder load(Path root, int rows, int columns) throws InputException {
        if (rows < 1 || columns < 1) {
            throw new IllegalArgumentException("pictures cannot be " + rows + " x " + columns + " pixels");
        }
        return load(root, new Shape(3, rows, columns, /* isInterleaved= */ true));
    }

    private static ImageFolder load(Path root, @Nullable Shape size) throws InputException {
        Path home = MnistFolder.expandUser(root);
        List<Path> folders = classFolders(home);
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        for (Path folder : folders) {
            List<Path> ofClass = pictures(folder);
            if (ofClass.isEmpty()) {
                throw new InputException("the class " + PlainText.name(folder) + " has no picture ("
                        + String.join(", ", EXTENSIONS) + "); put some there, or remove the folder");
            }
            files.addAll(ofClass);
            ofClass.forEach(file -> labels.add(folders.indexOf(folder)));
        }
        if (files.isEmpty()) {
            throw new InputException("there is no folder of pictures in " + PlainText.name(home) + ", where "
                    + MnistFolder.content(home) + "; make one for each class");
        }
        try {
            Shape shape = size;
            if (shape == null) {
                Pixels first = ImageFile.rgb(files.get(0));
                shape = new Shape(3, first.height(), first.width(), /* isInterleaved= */ true);
            }
            Shape all = shape;
            OffHeapBytes images = OffHeapBytes.ofItems(files.size(), shape.bytes(), item -> {
                Pixels image = ImageFile.rgb(files.get(item));
                if (size == null && (image.width() != all.columns() || image.height() != all.rows())) {
                    throw new InputException(
                            PlainText.name(files.get(item)) + " has " + image.width() + " x " + image.height()
                                    + " pixels, but " + PlainText.name(files.get(0)) + " has " + all.columns() + " x "
                                    + all.rows()
                                    + "; choose one size for all, as --image-size does");
                }
                try {
                    return image.resize(all.columns(), all.rows()).samples();
                } catch (IllegalArgumentException e) {
                    throw new InputException(
                            PlainText.name(files.get(item)) + " cannot be resized (" + e.getMessage() + ")", e);
                }
            });
            List<String> classes = folders.stream()
                    .map(folder -> folder.getFileName().toString())
                    .toList();
            return new ImageFolder(
                    images, all, labels.stream().mapToInt(label -> label).toArray(), classes, home, size);
        } catch (InputException e) {
            throw e;
        } catch (IOException e) {
            boolean isUtf8 = "UTF-8".equals(System.getProperty("sun.jnu.encoding"));
            throw new InputException(
                    "the pictures in " + PlainText.name(home) + " cannot be read; "
                            + (isUtf8 ? "check the disk" : "use a locale with all characters, such as LC_ALL=C.UTF-8"),
                    e);
        }
    }

    /**
     * The folder of a split below {@code root}: its {@code train} or {@code training}, or its {@code test}, {@code testing},
     * {@code val}, {@code valid} or {@code validation}, if it has one; else, to train on, {@code root} itself.
     *
     * @return empty if there are no such pictures
     * @throws InputException if a folder cannot be read
     */
    public static Optional<Path> find(Path root, Mnist.Split split) throws InputException {
        Path home = MnistFolder.expandUser(root);
        List<String> names = split == Mnist.Split.TRAIN
                ? List.of("train", "training")
                : List.of("test", "testing", "val", "valid", "validation");
        List<Path> folders = Files.isDirectory(home) ? classFolders(home) : List.of();
        for (String name : names) {
            for (Path folder : folders) {
                if (folder.getFileName().toString().equalsIgnoreCase(name) && hasClasses(folder)) {
                    return Optional.of(folder);
                }
            }
        }
        return split == Mnist.Split.TRAIN && Files.isDirectory(home) && hasClasses(home)
                ? Optional.of(home)
                : Optional.empty();
    }

    private static boolean hasClasses(Path root) throws InputException {
        for (Path folder : classFolders(root)) {
            if (!pictures(folder).isEmpty()) {
                return true;
            }
        }
        return false;
    }

    /**
     * In the order of Python's {@code sorted}, but without what file managers and notebooks leave behind, which torchvision would
     * take for a class: hidden folders, and {@code __MACOSX}.
     */
    private static List<Path> classFolders(Path root) throws InputException {
        try (Stream<Path> entries = Files.list(root)) {
            return entries.filter(Files::isDirectory)
                    .filter(folder -> !folder.getFileName().toString().matches("\\..*|__MACOSX"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new InputException(PlainText.name(root) + " cannot be read; name a folder that you may read", e);
        }
    }

    /** However deep, a folder's own before those of its subfolders, each in order. */
    private static List<Path> pictures(Path folder) throws InputException {
        try (Stream<Path> walked = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            List<Path> folders = walked.filter(Files::isDirectory)
                    .filter(one -> !folder.relativize(one).toString().startsWith("."))
                    .sorted()
                    .toList();
            List<Path> pictures = new ArrayList<>();
            for (Path one : folders) {
                try (Stream<Path> entries = Files.list(one)) {
                    entries.filter(ImageFolder::isPicture)
                            .filter(Files::isRegularFile)
                            .sorted()
                            .forEach(pictures::add);
                }
            }
            return pictures;
        } catch (IOException | UncheckedIOException e) {
            throw new InputException(PlainText.name(folder) + " cannot be read; name a folder that you may read", e);
        }
    }

    private static boolean isPicture(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return !name.startsWith("._") && EXTENSIONS.stream().anyMatch(name::endsWith);
    }

    /** {@code repr(dataset)}, over several lines. */
    @Override
    public String toString() {
        String transform = resized == null
                ? "ToTensor()"
                : "Compose(\n               Resize(size=(" + resized.rows() + ", " + resized.columns()
                        + "), interpolation=bilinear, max_size=None, antialias=True)\n               ToTensor()\n"
                        + "           )";
        return "Dataset ImageFolder\n    Number of datapoints: " + size() + "\n    Root location: " + root
                + "\n    StandardTransform\nTransform: " + transform;
    }
}
