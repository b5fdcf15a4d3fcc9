package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The four files of a data set in a folder of the user's, each raw or gzipped. */
record MnistFolder(Path folder) {
    /** In torchvision's order. */
    static final List<String> NAMES = Arrays.stream(Mnist.Split.values())
            .flatMap(split -> Stream.of(split.imagesFile(), split.labelsFile()))
            .toList();

    /** What torchvision calls the folders of other sets of this form. */
    private static final List<String> OTHER_SETS = List.of("FashionMNIST", "KMNIST");

    private static final int FEW = 5;

    /** Where torchvision keeps the raw files below {@code root}. */
    static Path raw(Path root) {
        return expandUser(root).resolve("MNIST").resolve("raw");
    }

    /** {@code os.path.expanduser(path)}, for one's own home. */
    static Path expandUser(Path path) {
        return path.startsWith("~")
                ? Path.of(System.getProperty("user.home")).resolve(Path.of("~").relativize(path))
                : path;
    }

    /**
     * The folder of {@code root} that holds all four files: torchvision's for MNIST, {@code root} itself, or torchvision's for
     * one of the sets of the same form.
     *
     * @throws InputException if there is none, or more than one; it says what lies there
     */
    static MnistFolder find(Path root) throws InputException {
        Path home = expandUser(root);
        if (!Files.isDirectory(home)) {
            throw new InputException(home + (Files.exists(home) ? " is a file, not a folder" : " does not exist")
                    + "; name a folder that holds the four files of MNIST");
        }
        List<MnistFolder> own = Stream.of(raw(root), home.resolve("raw"), home)
                .map(MnistFolder::new)
                .toList();
        List<MnistFolder> others = OTHER_SETS.stream()
                .map(set -> new MnistFolder(home.resolve(set).resolve("raw")))
                .filter(folder -> folder.missing().isEmpty())
                .toList();
        Optional<MnistFolder> complete =
                own.stream().filter(folder -> folder.missing().isEmpty()).findFirst();
        if (complete.isPresent()) {
            return complete.get();
        }
        if (others.size() == 1) {
            return others.get(0);
        }
        if (others.size() > 1) {
            throw new InputException(home + " holds several sets; name one of "
                    + others.stream()
                            .map(other -> String.valueOf(other.folder.getParent()))
                            .collect(Collectors.joining(", ")));
        }
        MnistFolder fullest = own.stream()
                .min(Comparator.comparing(folder -> folder.missing().size()))
                .orElseThrow();
        throw new InputException("there is no complete set in " + home + ", where " + content(home) + ": "
                + fullest.folder + " lacks " + String.join(", ", fullest.missing())
                + " (or the same with .idx, .gz); name a folder that holds all four files");
    }

    /** A few of the names in a folder, as a person would say them. */
    private static String content(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names =
                    files.map(file -> file.getFileName().toString()).sorted().toList();
            if (names.isEmpty()) {
                return "nothing lies";
            }
            String few = names.stream().limit(FEW).collect(Collectors.joining(", "));
            return (names.size() == 1 ? "there is " : "there are ")
                    + few
                    + (names.size() > FEW ? " and " + (names.size() - FEW) + " more" : "");
        } catch (IOException e) {
            return "nothing can be read";
        }
    }

    /** The file called {@code name}, or by another of its names, or else the archive of it. */
    Path file(String name) {
        String dotted = name.replace("-idx", ".idx"); // as it was called before, and Kaggle still does
        return Stream.of(
                        folder.resolve(name),
                        folder.resolve(dotted),
                        folder.resolve(name).resolve(name), // Kaggle's archive unpacks so, too
                        folder.resolve(name + ".gz"),
                        folder.resolve(dotted + ".gz"))
                .filter(Files::isRegularFile)
                .findFirst()
                .orElse(folder.resolve(name + ".gz"));
    }

    private List<String> missing() {
        return NAMES.stream().filter(name -> !Files.isRegularFile(file(name))).toList();
    }
}
