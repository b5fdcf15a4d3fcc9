package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --data}. */
final class DataOption {
    private static final int SIDE = 28;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Folder with an MNIST-shaped data set: DIR/MNIST/raw/… as torchvision has it, or the four"
                    + " files themselves; raw or .gz. Default: the MNIST data in this program.")
    private @Nullable Path folder;

    /**
     * The labelled pictures, 28 × 28.
     *
     * @throws InputException if the folder does not hold such a set
     */
    Mnist load(Mnist.Split split) throws InputException {
        if (folder == null) {
            return Mnist.bundled(split);
        }
        Mnist mnist = Mnist.load(folder, split);
        if (mnist.rows() != SIDE || mnist.columns() != SIDE) {
            throw new InputException("the pictures in " + folder + " are " + mnist.rows() + " x " + mnist.columns()
                    + "; this network takes " + SIDE + " x " + SIDE);
        }
        return mnist;
    }

    /** The folder, wherever the program runs; null for the data in the program. */
    @Nullable String absolute() {
        return folder == null ? null : folder.toAbsolutePath().toString();
    }

    /** Takes the folder that a run had, if no other is given. */
    void restore(@Nullable String saved) {
        folder = folder == null && saved != null ? Path.of(saved) : folder;
    }

    /** What the images of a data set are, in words: so that another is known as another. */
    static String describe(Mnist mnist) {
        return mnist.size() + " pictures (CRC-32 " + Long.toHexString(mnist.crc32()) + ")";
    }
}
