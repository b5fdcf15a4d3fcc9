package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.vision.Mnist.Split;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A data set in one or four files of NumPy's: as Keras has MNIST ({@code x_train}, {@code y_train}, {@code x_test},
 * {@code y_test}), as MedMNIST has its sets ({@code train_images}, …), or as KMNIST comes
 * ({@code kmnist-train-imgs.npz}, …).
 *
 * @param path the one file, or the folder of the four
 * @param prefix of the names of the four files; null if there is one
 */
record NpzSet(Path path, @Nullable String prefix) {
    private static final String EXTENSION = ".npz";
    private static final List<String> TRAINING_IMAGES = List.of("x_train", "train_images");
    private static final String IMAGES = "imgs" + EXTENSION;

    /** Images and labels of a split. */
    record Arrays(NpyArray images, NpyArray labels) {}

    /** The set in a file, or in a folder that holds one. */
    static Optional<NpzSet> find(Path path) throws InputException {
        if (Files.isRegularFile(path)) {
            return path.toString().endsWith(EXTENSION) ? Optional.of(new NpzSet(path, null)) : Optional.empty();
        }
        if (!Files.isDirectory(path)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(path)) {
            List<String> names = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(EXTENSION))
                    .sorted()
                    .toList();
            String train = "-train-" + IMAGES;
            List<String> prefixes = names.stream()
                    .filter(name -> name.endsWith(train))
                    .map(name -> name.substring(0, name.length() - train.length()))
                    .toList();
            if (prefixes.size() == 1) {
                return Optional.of(new NpzSet(path, prefixes.get(0)));
            }
            if (names.size() != 1) {
                return Optional.empty();
            }
            Path only = path.resolve(names.get(0));
            boolean isSet = NpyArray.names(only).stream().anyMatch(TRAINING_IMAGES::contains);
            return isSet ? Optional.of(new NpzSet(only, null)) : Optional.empty();
        } catch (IOException e) {
            throw new InputException(PlainText.name(path) + " cannot be read; check that you may read it", e);
        }
    }

    MnistVariant variant() {
        return "kmnist".equals(prefix) ? MnistVariant.KMNIST : MnistVariant.MNIST;
    }

    Arrays read(Split split) throws InputException {
        String part = split == Split.TRAIN ? "train" : "test";
        if (prefix != null) {
            return new Arrays(
                    only(path.resolve(prefix + "-" + part + "-" + IMAGES)),
                    only(path.resolve(prefix + "-" + part + "-labels" + EXTENSION)));
        }
        List<String> images = List.of("x_" + part, part + "_images");
        List<String> labels = List.of("y_" + part, part + "_labels");
        Map<String, NpyArray> arrays = NpyArray.read(path, name -> images.contains(name) || labels.contains(name));
        return new Arrays(one(arrays, images), one(arrays, labels));
    }

    private static NpyArray only(Path file) throws InputException {
        InputException.requireFile(file, "put the four files of the set into one folder");
        Map<String, NpyArray> arrays = NpyArray.read(file, name -> true);
        if (arrays.size() != 1) {
            throw new InputException(PlainText.name(file) + " holds " + arrays.size()
                    + " arrays instead of one; take it from the set again");
        }
        return arrays.values().iterator().next();
    }

    private NpyArray one(Map<String, NpyArray> arrays, List<String> names) throws InputException {
        return names.stream()
                .filter(arrays::containsKey)
                .map(arrays::get)
                .findFirst()
                .orElseThrow(
                        () -> new InputException(PlainText.name(path) + " has no array " + String.join(" or ", names)
                                + "; name a file with x_train, y_train, x_test and y_test, as Keras has MNIST"));
    }
}
