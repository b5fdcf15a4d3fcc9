package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The four files of a data set in a folder of the user's, each raw or gzipped. */
record MnistFolder(Path folder) {
    /** In torchvision's order. */
    static final List<String> NAMES = Arrays.stream(Mnist.Split.values())
            .flatMap(split -> Stream.of(split.imagesFile(), split.labelsFile()))
            .toList();

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
     * The folder of {@code root} that holds all four files.
     *
     * @throws InputException if there is none; it names what is missing from the fullest
     */
    static MnistFolder find(Path root) throws InputException {
        Path home = expandUser(root);
        if (!Files.isDirectory(home)) {
            throw new InputException(home + (Files.exists(home) ? " is a file, not a folder" : " does not exist")
                    + "; name a folder that holds the four files of MNIST");
        }
        List<MnistFolder> candidates =
                List.of(new MnistFolder(raw(root)), new MnistFolder(home.resolve("raw")), new MnistFolder(home));
        MnistFolder fullest = candidates.stream()
                .min(Comparator.comparing(c -> c.missing().size()))
                .orElseThrow();
        if (fullest.missing().isEmpty()) {
            return fullest;
        }
        String others = candidates.stream()
                .filter(candidate -> candidate != fullest)
                .map(candidate -> candidate.folder.toString())
                .collect(Collectors.joining(" and "));
        throw new InputException("MNIST is not complete in " + fullest.folder + ": "
                + String.join(", ", fullest.missing()) + " (raw or .gz) not found there, nor the set in " + others
                + "; name a folder that holds all four files");
    }

    /** The file called {@code name}, or else the archive of it. */
    Path file(String name) {
        Path raw = folder.resolve(name);
        return Files.isRegularFile(raw) ? raw : folder.resolve(name + ".gz");
    }

    private List<String> missing() {
        return NAMES.stream().filter(name -> !Files.isRegularFile(file(name))).toList();
    }
}
