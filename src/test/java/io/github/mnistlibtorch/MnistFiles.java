package io.github.mnistlibtorch;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/** MNIST as torchvision has it on disk. */
final class MnistFiles {
    private static final int ALL = Integer.MAX_VALUE;

    private MnistFiles() {}

    /** All four files, below {@code root/MNIST/raw}. */
    static void unpack(Path root) throws IOException {
        unpack(root, ALL, ALL);
    }

    /** A command, with the options that train it on the first 10,000 of {@code unpack(root, 12_000, …)}. */
    static String[] onFew(Path root, String... command) {
        return Stream.concat(Stream.of(command), Stream.of("--data", root.toString(), "--val-size", "2000"))
                .toArray(String[]::new);
    }

    /** The first examples only: with them a test trains in a second, of which two processes agree on every number too. */
    static void unpack(Path root, int train, int test) throws IOException {
        Path raw = Files.createDirectories(root.resolve("MNIST/raw"));
        for (String name : new String[] {"images-idx3", "labels-idx1"}) {
            Files.write(raw.resolve("train-" + name + "-ubyte"), first(train, "train-" + name));
            Files.write(raw.resolve("t10k-" + name + "-ubyte"), first(test, "t10k-" + name));
        }
    }

    private static byte[] first(int count, String name) throws IOException {
        String resource = "/mnist/" + name + "-ubyte.gz";
        try (InputStream in =
                new GZIPInputStream(requireNonNull(MnistFiles.class.getResourceAsStream(resource), resource))) {
            byte[] bytes = in.readAllBytes();
            ByteBuffer header = ByteBuffer.wrap(bytes);
            int all = header.getInt(4);
            if (count >= all) {
                return bytes;
            }
            boolean images = name.contains("images");
            int headerSize = images ? 16 : 8;
            int itemSize = images ? 28 * 28 : 1;
            header.putInt(4, count);
            return Arrays.copyOf(bytes, headerSize + count * itemSize);
        }
    }
}
