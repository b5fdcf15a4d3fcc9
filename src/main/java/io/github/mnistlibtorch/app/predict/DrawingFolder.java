package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/** A folder of drawings that people have labelled: a subfolder for each class, as {@code train --data} reads it. */
public final class DrawingFolder {
    /** In one folder; whoever has collected so many begins another. */
    private static final int MOST = 10_000;

    private static final int LONGEST_NAME = 60;

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuuMMdd-HHmmss", Locale.ROOT);

    private final Path root;
    private final int most;
    private int count;

    /**
     * Makes the folder, if it is not there, and counts what is in it.
     *
     * @throws InputException if that is not possible
     */
    public DrawingFolder(Path root) throws InputException {
        this(root, MOST);
    }

    DrawingFolder(Path root, int most) throws InputException {
        this.root = root;
        this.most = most;
        try {
            Files.createDirectories(root);
            try (Stream<Path> files = Files.walk(root, 2)) {
                count = (int) files.filter(file -> file.toString().endsWith(".png"))
                        .limit(most)
                        .count();
            }
        } catch (IOException e) {
            throw new InputException(
                    root + " cannot be made a folder, or not be read; choose another --save-drawings", e);
        }
        if (!Files.isWritable(root)) {
            throw new InputException(root + " may not be written to; choose another --save-drawings");
        }
    }

    /** There are as many as there may be. */
    static final class FullException extends IOException {
        FullException(int most, Path root) {
            super("there are " + most + " drawings in " + root + "; go on in another folder");
        }
    }

    /**
     * Saves a drawing as PNG, whole or not at all: {@code 7/7-20260131-120000-1a2b3c4d.png}.
     *
     * @param grey row by row, 0 for black to 255 for white
     * @param classes of the model
     * @param label what it shows
     * @return the file, in the folder
     * @throws FullException if there are too many already
     * @throws IOException if the disk fails
     */
    synchronized Path save(byte[] grey, int width, int height, List<String> classes, int label) throws IOException {
        if (count >= most) {
            throw new FullException(most, root);
        }
        String name = names(classes).get(label);
        Path folder = Files.createDirectories(root.resolve(name));
        String unique = UUID.randomUUID().toString().substring(0, 8);
        Path file = folder.resolve(name + "-" + TIME.format(ZonedDateTime.now(ZoneOffset.UTC)) + "-" + unique + ".png");
        AtomicFile.write(file, out -> Png.write(grey, width, height, 1, out));
        count++;
        return root.relativize(file);
    }

    /** Of the folders: those of the classes, of which a file of weights may have any, as every system can have them. */
    static List<String> names(List<String> classes) {
        Set<String> taken = new HashSet<>();
        return Stream.iterate(0, label -> label < classes.size(), label -> label + 1)
                .map(label -> {
                    int[] characters = classes.get(label)
                            .replaceAll("[^\\p{L}\\p{N} _-]+", "_")
                            .codePoints()
                            .limit(LONGEST_NAME)
                            .toArray();
                    String name = new String(characters, 0, characters.length).strip();
                    boolean isReserved = name.matches("(?i)con|prn|aux|nul|com\\d|lpt\\d|");
                    // Some systems take capital letters for small ones.
                    String key = name.toLowerCase(Locale.ROOT);
                    String folder = isReserved || taken.contains(key) ? (name + "_" + label) : name;
                    taken.add(folder.toLowerCase(Locale.ROOT));
                    return folder;
                })
                .toList();
    }
}
