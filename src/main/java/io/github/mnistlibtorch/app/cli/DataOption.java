package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.torch.vision.MnistDownload;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --data}. */
final class DataOption {
    private static final int SIDE = 28;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Folder with an MNIST-shaped data set: DIR/MNIST/raw/… as torchvision has it, or the four"
                    + " files themselves; raw or .gz. Or fashion-mnist or kmnist, which are fetched once, with torchvision's"
                    + " checksums. Default: the MNIST data in this program.")
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
        Mnist mnist = Mnist.load(isName() ? fetched(folder.toString()) : folder, split);
        if (mnist.rows() != SIDE || mnist.columns() != SIDE) {
            throw new InputException("the pictures in " + folder + " are " + mnist.rows() + " x " + mnist.columns()
                    + "; this network takes " + SIDE + " x " + SIDE);
        }
        return mnist;
    }

    /** The folder, wherever the program runs; null for the data in the program. */
    @Nullable String absolute() {
        return folder == null
                ? null
                : isName() ? folder.toString() : folder.toAbsolutePath().toString();
    }

    /** A folder of that name goes before. */
    private boolean isName() {
        return folder != null && MnistDownload.names().contains(folder.toString()) && !Files.exists(folder);
    }

    /** The folder that the set has been fetched into, now or before; nothing else is fetched. */
    private static Path fetched(String name) throws InputException {
        Path cache = cache().resolve(name);
        MnistDownload download = MnistDownload.named(name);
        AtomicBoolean said = new AtomicBoolean();
        boolean isTerminal = ProgressBar.isTerminal();
        download.withProgress((file, received, total) -> {
                    if (said.compareAndSet(false, true)) {
                        System.err.println("Fetching " + name + ", once, from "
                                + download.mirrors().get(0) + " into " + PlainText.of(cache.toString()) + " ...");
                    }
                    if (isTerminal || received == total) {
                        System.err.printf(
                                Locale.ROOT,
                                "%s%s: %.1f MB%s",
                                isTerminal ? "\r" : "",
                                file,
                                received / 1e6,
                                received == total ? System.lineSeparator() : "");
                    }
                })
                .to(cache);
        return cache;
    }

    private static Path cache() throws InputException {
        for (String variable : List.of("XDG_CACHE_HOME", "LOCALAPPDATA")) {
            String folder = System.getenv(variable);
            if (folder != null && Path.of(folder).isAbsolute()) {
                return Path.of(folder, "mnist-libtorch");
            }
        }
        String home = System.getProperty("user.home");
        if (home.equals("?")) { // a user id without a name
            throw new InputException("there is no home to keep fetched data in; name a folder with XDG_CACHE_HOME");
        }
        return Path.of(home, ".cache", "mnist-libtorch");
    }

    /**
     * Takes the folder that a run had, if no other is given.
     *
     * @throws InputException if it is not there any more
     */
    void restore(@Nullable String saved) throws InputException {
        if (folder != null || saved == null) {
            return;
        }
        try {
            folder = Path.of(saved);
        } catch (InvalidPathException e) {
            throw new InputException(
                    "the run had its data in " + saved + ", which is no path here; name it with --data", e);
        }
        if (!isName() && !Files.exists(folder)) {
            throw new InputException(
                    "the run had its data in " + saved + ", where nothing is now; name it with --data");
        }
    }

    /** What the images of a data set are, in words: so that another is known as another. */
    static String describe(Mnist mnist) {
        return mnist.size() + " pictures (CRC-32 " + Long.toHexString(mnist.crc32()) + ")";
    }
}
