package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The four files of a data set in a folder of the user's, each raw or gzipped.
 *
 * @param folder that may lack some of them
 * @param variant which set they are of
 */
record MnistFolder(Path folder, MnistVariant variant) {
    private static final int FEW = 5;

    /** A longer one would be cut in its middle. */
    private static final int LONGEST_SENTENCE = 284;

    /** Where torchvision keeps the raw files of MNIST below {@code root}. */
    static Path raw(Path root) {
        return raw(expandUser(root), MnistVariant.MNIST);
    }

    static Path raw(Path root, MnistVariant variant) {
        return root.resolve(variant.set()).resolve("raw");
    }

    /** {@code os.path.expanduser(path)}, for one's own home. */
    static Path expandUser(Path path) {
        return path.startsWith("~")
                ? Path.of(System.getProperty("user.home")).resolve(Path.of("~").relativize(path))
                : path;
    }

    /**
     * The folder of {@code root} that holds all four files: torchvision's for MNIST, {@code root} itself, or torchvision's for
     * one of the sets of the same form. Where several sets lie in one folder, as EMNIST's do, {@code root} goes on with the name
     * of one: {@code EMNIST/raw/emnist-letters}.
     *
     * @throws InputException if there is none, or more than one; it says what lies there
     */
    static MnistFolder find(Path root) throws InputException {
        Optional<MnistFolder> found = findComplete(root);
        if (found.isPresent()) {
            return found.get();
        }
        Path home = expandUser(root);
        if (!Files.isDirectory(home)) {
            String name = PlainText.name(home);
            throw new InputException(
                    Files.exists(home)
                            ? name + " is a file, not a folder; "
                                    + (name.matches("(?i).*\\.(zip|tar|tgz|tar\\.gz)")
                                            ? "unpack it, and name the folder"
                                            : "name the folder that holds the four files of MNIST")
                            : name + " does not exist; name a folder that holds the four files of MNIST");
        }
        MnistFolder fullest = ofMnist(home).stream()
                .min(Comparator.comparing(folder -> folder.missing().size()))
                .orElseThrow();
        String sentence = fullest.incomplete(home, fullest.missing().size());
        throw new InputException(
                sentence.length() <= LONGEST_SENTENCE ? sentence : fullest.incomplete(home, /* named= */ 1));
    }

    /**
     * The same, or nothing.
     *
     * @throws InputException if there are several
     */
    static Optional<MnistFolder> findComplete(Path root) throws InputException {
        Path home = expandUser(root);
        Optional<MnistVariant> named = MnistVariant.named(String.valueOf(home.getFileName()));
        if (!Files.exists(home) && named.isPresent()) {
            return complete(home.resolveSibling(""), named.get());
        }
        Optional<MnistFolder> mnist = ofMnist(home).stream()
                .filter(folder -> folder.missing().isEmpty())
                .findFirst();
        if (mnist.isPresent()) {
            return mnist;
        }
        List<MnistFolder> others = MnistVariant.ALL.stream()
                .filter(variant -> variant != MnistVariant.MNIST)
                .flatMap(variant -> complete(home, variant).stream())
                .toList();
        if (others.size() > 1) {
            throw new InputException(PlainText.name(home) + " holds several sets; name one of "
                    + others.stream().map(other -> other.name(home).toString()).collect(Collectors.joining(", ")));
        }
        return others.stream().findFirst();
    }

    /** What names this folder alone. */
    private Path name(Path home) {
        if (variant.hasOwnNames()) {
            return home.resolve(variant.name());
        }
        Path parent = folder.getParent();
        return parent == null ? folder : parent;
    }

    private static List<MnistFolder> ofMnist(Path home) {
        return Stream.of(raw(home, MnistVariant.MNIST), home.resolve("raw"), home)
                .map(folder -> new MnistFolder(folder, variant(folder)))
                .toList();
    }

    /** Sets whose files have the same names are told by what a folder is called. */
    private static MnistVariant variant(Path folder) {
        Path absolute = folder.toAbsolutePath();
        if (absolute.getNameCount() == 0) {
            return MnistVariant.MNIST;
        }
        String end = absolute.subpath(Math.max(0, absolute.getNameCount() - 2), absolute.getNameCount())
                .toString()
                .toLowerCase(Locale.ROOT);
        if (end.contains("fashion")) {
            return MnistVariant.FASHION;
        }
        return end.contains("kmnist") ? MnistVariant.KMNIST : MnistVariant.MNIST;
    }

    private static Optional<MnistFolder> complete(Path home, MnistVariant variant) {
        List<Path> folders = new ArrayList<>(List.of(raw(home, variant)));
        if (variant.hasOwnNames()) {
            folders.addAll(List.of(home.resolve("raw"), home.resolve("gzip"), home));
        }
        return folders.stream()
                .map(folder -> new MnistFolder(folder, variant))
                .filter(folder -> folder.missing().isEmpty())
                .findFirst();
    }

    /** A few of the names in a folder, as a person would say them. */
    static String content(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names =
                    files.map(file -> file.getFileName().toString()).sorted().toList();
            if (names.isEmpty()) {
                return "nothing lies";
            }
            String few = names.stream().limit(FEW).collect(Collectors.joining(", "));
            return (names.size() == 1 ? "there is " : "there are ")
                    + PlainText.name(few)
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

    /** Says that this folder, the fullest one in {@code home}, lacks files, and names some of them. */
    private String incomplete(Path home, int named) {
        Path where = folder.startsWith(home) ? home.relativize(folder) : folder;
        List<String> missing = missing();
        return "there is no complete set in " + PlainText.name(home) + ", where " + content(home) + ": "
                + (where.toString().isEmpty() ? "it" : PlainText.name(where)) + " lacks "
                + missing.stream().limit(named).collect(Collectors.joining(", "))
                + (missing.size() > named ? " and " + (missing.size() - named) + " more" : "")
                + " (or the same with .idx, .gz); name one with all four, or with pictures by class";
    }

    private List<String> missing() {
        return variant.files().stream()
                .filter(name -> !Files.isRegularFile(file(name)))
                .toList();
    }
}
