package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;

/** A file in memory for the input of a target, and what every reader has to keep to. */
public final class Scratch {
    private static final long SECOND = 1_000_000_000;
    private static final int WARM_UP = 1_000;

    private static int inputs;

    private final Path file;

    /** Reads a file. */
    @FunctionalInterface
    interface Reader {
        void read(Path file) throws IOException;
    }

    /** @param name of the file */
    Scratch(String name) {
        LibTorch.start();
        try {
            Path memory = Path.of("/dev/shm");
            Path folder = Files.isWritable(memory)
                    ? Files.createTempDirectory(memory, "fuzz")
                    : Files.createTempDirectory("fuzz");
            file = folder.resolve(name);
            file.toFile().deleteOnExit();
            folder.toFile().deleteOnExit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs a target on an input, which must not take a second; the first ones may, as they load the classes. */
    public static void inASecond(Runnable target) {
        long begin = System.nanoTime();
        target.run();
        if (inputs++ > WARM_UP && System.nanoTime() - begin > SECOND) {
            throw new AssertionError("it took " + (System.nanoTime() - begin) / 1e9 + " s");
        }
    }

    /** Lets {@code reader} have {@code content}, which it may refuse with the one documented exception. */
    void give(byte[] content, Reader reader) {
        inASecond(() -> read(content, reader));
    }

    private void read(byte[] content, Reader reader) {
        long before = Pointer.totalCount();
        try (TensorScope scope = TensorScope.open()) {
            Files.write(file, content);
            reader.read(file);
        } catch (InputException e) {
            if (e.getMessage().lines().count() != 1 || e.getMessage().length() > 2_000) {
                throw new AssertionError("not a sentence: " + e.getMessage(), e);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        // It may be less: the garbage collector frees what the start has left.
        if (Pointer.totalCount() > before) {
            throw new AssertionError(Pointer.totalCount() - before + " native objects left behind");
        }
    }

    /** What was read cannot be more than what was there. */
    static void requireAtMost(long bytes, Collection<Tensor> tensors) {
        long sum = 0;
        for (Tensor tensor : tensors) {
            sum += tensor.nbytes();
        }
        if (sum > bytes) {
            throw new AssertionError(sum + " bytes of tensors out of " + bytes);
        }
    }
}
