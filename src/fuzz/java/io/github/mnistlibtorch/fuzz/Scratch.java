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
final class Scratch {
    private static final int LONGEST_SENTENCE = 300;

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
            folder.toFile().deleteOnExit();
            file.toFile().deleteOnExit(); // before its folder: what is told last is done first
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Lets {@code reader} have {@code content}, which it may refuse with the one documented exception. */
    void give(byte[] content, Reader reader) {
        try {
            Files.write(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Budget.hold(content.length, () -> isRefused(reader));
    }

    private boolean isRefused(Reader reader) {
        long before = Pointer.totalCount();
        boolean isRefused = false;
        try (TensorScope scope = TensorScope.open()) {
            reader.read(file);
        } catch (InputException e) {
            isRefused = true;
            requireSentence(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        // It may be less: the garbage collector frees what the start has left.
        if (Pointer.totalCount() > before) {
            throw new AssertionError(Pointer.totalCount() - before + " native objects left behind");
        }
        return isRefused;
    }

    /** One line, not too long, that names the file. */
    private void requireSentence(InputException e) {
        String sentence = String.valueOf(e.getMessage());
        if (sentence.lines().count() != 1
                || sentence.length() > LONGEST_SENTENCE
                || !sentence.contains(file.getFileName().toString())) {
            throw new AssertionError("not a sentence: " + sentence, e);
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
