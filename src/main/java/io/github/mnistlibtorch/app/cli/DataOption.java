package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.vision.ImageFolder;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.torch.vision.MnistDownload;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** {@code --data}. */
final class DataOption {
    /** Of a set that is smaller than MNIST's, a sixth is held out, as of MNIST's. */
    private static final int LARGE = 60_000;

    private static final int PART = 6;

    private static final int MOST_SIDE = 1_000;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description =
                    "Folder with a data set: DIR/MNIST/raw/… as torchvision has it, the four files themselves, raw"
                            + " or .gz, a .npz file, or pictures in a folder for each class. Or a name, as fashion-mnist, kmnist,"
                            + " qmnist or emnist-letters, which is fetched once, with torchvision's checksums. Default: the MNIST"
                            + " data in this program.")
    private @Nullable Path folder;

    @Option(
            names = "--image-size",
            paramLabel = "N",
            description = "Side in pixels that pictures in folders are resized to. Default: as they are.")
    private @Nullable Integer imageSize;

    /** Rows and columns. */
    private int @Nullable [] defaultSize;

    private CommandSpec command = CommandSpec.create();

    @Spec(Target.MIXEE)
    private void of(CommandSpec mixee) {
        command = mixee;
    }

    /**
     * The labelled pictures. If fewer are to train on than MNIST has, a sixth of them is held out, unless --val-size says otherwise.
     *
     * @throws InputException if there is no such set
     */
    ImageDataset load(Mnist.Split split) throws InputException {
        ImageDataset dataset = read(split);
        if (Math.max(dataset.rows(), dataset.columns()) > ImageSpec.MOST_SIDE) {
            throw new InputException("the pictures are " + dataset.rows() + " x " + dataset.columns() + " pixels; "
                    + ImageSpec.MOST_SIDE + " in each direction are the most that a network here takes");
        }
        if (split == Mnist.Split.TRAIN && dataset.size() < LARGE && dataset.size() >= PART) {
            OptionSpec valSize = command.findOption("--val-size");
            if (valSize != null && !command.commandLine().getParseResult().hasMatchedOption(valSize)) {
                valSize.setValue(Integer.toString(dataset.size() / PART));
            }
        }
        return dataset;
    }

    private ImageDataset read(Mnist.Split split) throws InputException {
        if (folder == null) {
            return Mnist.bundled(split);
        }
        Path root = isName() ? fetched(folder.toString()) : folder;
        if (!Mnist.isIn(root)) {
            Optional<Path> pictures = ImageFolder.find(root, split);
            if (pictures.isPresent()) {
                return pictures(pictures.get());
            }
            if (split == Mnist.Split.TEST
                    && ImageFolder.find(root, Mnist.Split.TRAIN).isPresent()) {
                throw new InputException(root + " has no folder test or val with pictures; use --split val");
            }
        }
        if (imageSize != null) {
            throw new InputException(
                    root + " is no folder of pictures, whose size --image-size could change; leave it out");
        }
        return Mnist.load(root, split);
    }

    private ImageFolder pictures(Path root) throws InputException {
        if (imageSize != null && (imageSize < 1 || imageSize > MOST_SIDE)) {
            throw new InputException("--image-size " + imageSize + " is none; choose one from 1 to " + MOST_SIDE);
        }
        int[] size = imageSize == null ? defaultSize : new int[] {imageSize, imageSize};
        ImageFolder images = size == null ? ImageFolder.load(root) : ImageFolder.load(root, size[0], size[1]);
        if (images.classes().size() < 2) {
            throw new InputException(root + " holds one folder of pictures, "
                    + images.classes().get(0) + "; name the one that holds a folder for each class");
        }
        return images;
    }

    /** What pictures in folders are resized to without --image-size: to what a network takes. */
    void setDefaultSize(int rows, int columns) {
        defaultSize = new int[] {rows, columns};
    }

    /** Null for the size that pictures have. */
    @Nullable String size() {
        return imageSize == null ? null : imageSize.toString();
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

    /** Where the set has been fetched to, now or before; nothing else is fetched. The six of EMNIST come together. */
    private static Path fetched(String name) throws InputException {
        boolean isPartOfEmnist = name.startsWith("emnist-");
        Path cache = cache().resolve(isPartOfEmnist ? "emnist" : name);
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
        return isPartOfEmnist ? cache.resolve(name) : cache;
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
    void restore(@Nullable String saved, @Nullable String savedSize) throws InputException {
        if (folder != null || saved == null) {
            return;
        }
        if (imageSize == null && savedSize != null && savedSize.matches("\\d{1,4}")) {
            imageSize = Integer.valueOf(savedSize);
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
    static String describe(ImageDataset dataset) {
        return dataset.size() + " pictures (CRC-32 " + Long.toHexString(dataset.crc32()) + ")";
    }
}
