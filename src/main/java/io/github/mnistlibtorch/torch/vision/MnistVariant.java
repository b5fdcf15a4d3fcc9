package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.vision.Mnist.Split;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * MNIST, or a set of its form: how torchvision calls it, its files and its classes.
 *
 * @param set name of torchvision's class, and of its folder
 * @param name by which a person asks for it
 * @param classes by label
 * @param isTransposed whether its pictures lie on their side, mirrored, as those of EMNIST do
 */
record MnistVariant(String set, String name, List<String> classes, boolean isTransposed) {
    static final MnistVariant MNIST = new MnistVariant(
            "MNIST",
            "mnist",
            List.of(
                    "0 - zero",
                    "1 - one",
                    "2 - two",
                    "3 - three",
                    "4 - four",
                    "5 - five",
                    "6 - six",
                    "7 - seven",
                    "8 - eight",
                    "9 - nine"),
            false);

    static final MnistVariant FASHION = new MnistVariant(
            "FashionMNIST",
            "fashion-mnist",
            List.of(
                    "T-shirt/top",
                    "Trouser",
                    "Pullover",
                    "Dress",
                    "Coat",
                    "Sandal",
                    "Shirt",
                    "Sneaker",
                    "Bag",
                    "Ankle boot"),
            false);

    static final MnistVariant KMNIST = new MnistVariant(
            "KMNIST", "kmnist", List.of("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), false);

    static final MnistVariant QMNIST = new MnistVariant("QMNIST", "qmnist", MNIST.classes, false);

    static final List<MnistVariant> EMNIST = List.of(
            emnist("byclass", charactersWithout("")),
            emnist("bymerge", charactersWithout("cijklmopsuvwxyz")),
            emnist("balanced", charactersWithout("cijklmopsuvwxyz")),
            emnist(
                    "letters",
                    Stream.concat(Stream.of("N/A"), characters('a', 'z')).toList()),
            emnist("digits", characters('0', '9').toList()),
            emnist("mnist", characters('0', '9').toList()));

    /** All of them, by the name that a person gives. */
    static final List<MnistVariant> ALL = Stream.concat(Stream.of(MNIST, FASHION, KMNIST, QMNIST), EMNIST.stream())
            .toList();

    private static MnistVariant emnist(String split, List<String> classes) {
        return new MnistVariant("EMNIST", "emnist-" + split, classes, true);
    }

    private static Stream<String> characters(char first, char last) {
        return IntStream.rangeClosed(first, last).mapToObj(Character::toString);
    }

    /** Digits, capital and small letters; of some letters both are one class, written as the capital. */
    private static List<String> charactersWithout(String merged) {
        List<String> all = new ArrayList<>();
        characters('0', '9').forEach(all::add);
        characters('A', 'Z').forEach(all::add);
        characters('a', 'z').filter(letter -> !merged.contains(letter)).forEach(all::add);
        return all;
    }

    static Optional<MnistVariant> named(String name) {
        return ALL.stream().filter(variant -> variant.name.equals(name)).findFirst();
    }

    /** Whether its files have names of their own; the others are told by their folders. */
    boolean hasOwnNames() {
        return this == QMNIST || isTransposed;
    }

    private String prefix(Split split) {
        if (hasOwnNames()) {
            return name + (split == Split.TRAIN ? "-train" : "-test");
        }
        return split == Split.TRAIN ? "train" : "t10k";
    }

    String imagesFile(Split split) {
        return prefix(split) + "-images-idx3-ubyte";
    }

    String labelsFile(Split split) {
        return prefix(split) + (this == QMNIST ? "-labels-idx2-int" : "-labels-idx1-ubyte");
    }

    /** All four, in torchvision's order. */
    List<String> files() {
        return Arrays.stream(Split.values())
                .flatMap(split -> Stream.of(imagesFile(split), labelsFile(split)))
                .toList();
    }
}
