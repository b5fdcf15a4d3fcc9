package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.pytorch.Storage;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Fetches batches into memory that has been a batch before. Memory is used again when nothing refers to it any more but
 * the pool: whoever keeps a batch, or a view of it, keeps its numbers.
 *
 * <p>Pinned batches are not pooled: a GPU may still be copying from one whose handles are closed. LibTorch's allocator of
 * pinned memory knows when the copy is done, and uses it again itself.
 */
final class BatchPool extends BatchSource<Batch> {
    private final ImageDataset dataset;

    /** Those that nobody writes into, the longest in use first. Guarded by this. */
    private final Deque<BatchBuffer> buffers = new ArrayDeque<>();

    private int passesEnded; // guarded by this

    /**
     * @param shown the dataset as the loader got it
     * @param dataset the same, as images
     */
    BatchPool(Dataset<LabeledImage> shown, ImageDataset dataset) {
        super(shown);
        this.dataset = dataset;
    }

    @Override
    Reader<Batch> reader(Options options) {
        return options.pinMemory() ? this::readPinned : this::read;
    }

    /**
     * Takes the memory at once. Workers would take it from heaps that the C library gives to each thread, a few more each
     * pass, and never quite the same.
     */
    @Override
    synchronized void passBegins(Options options, int inFlight) {
        Integer batchSize = options.batchSize();
        if (options.pinMemory() || batchSize == null) {
            return;
        }
        int whole = dataset.size() / batchSize;
        for (int i = 0; i < Math.min(inFlight, whole); i++) {
            buffers.add(newBuffer(batchSize));
        }
        int rest = dataset.size() % batchSize;
        if (rest > 0 && !options.dropLast()) {
            buffers.add(newBuffer(rest));
        }
    }

    /**
     * Gives back all memory that no batch needs any more. A worker may still write a batch of that pass, or of another:
     * its buffer goes when it is done.
     */
    @Override
    synchronized void passEnded() {
        passesEnded++;
        buffers.forEach(BatchBuffer::close);
        buffers.clear();
    }

    private Batch read(int[] indices) {
        Loan loan = lend(indices.length);
        try {
            loan.buffer.read(indices);
            return loan.batch;
        } catch (Throwable e) {
            loan.batch.close();
            throw e;
        } finally {
            takeBack(loan);
        }
    }

    private Batch readPinned(int[] indices) {
        try (BatchBuffer buffer = new BatchBuffer(dataset, indices.length, /* pinned= */ true)) {
            buffer.read(indices);
            return buffer.alias();
        }
    }

    /**
     * A buffer to write into, and tensors that mark it as being in use for as long as they, or views of them, live.
     *
     * @param passesEnded when it was lent
     */
    private record Loan(BatchBuffer buffer, Batch batch, int passesEnded) {}

    private synchronized Loan lend(int size) {
        BatchBuffer buffer = takeIdle(size);
        if (buffer == null) {
            buffer = newBuffer(size);
        }
        return new Loan(buffer, buffer.alias(), passesEnded);
    }

    private synchronized void takeBack(Loan loan) {
        if (loan.passesEnded == passesEnded) {
            buffers.add(loan.buffer);
        } else {
            loan.buffer.close();
        }
    }

    private BatchBuffer newBuffer(int size) {
        return new BatchBuffer(dataset, size, /* pinned= */ false);
    }

    private @Nullable BatchBuffer takeIdle(int size) {
        for (BatchBuffer buffer : buffers) {
            Batch batch = buffer.batch();
            if (batch.size() == size && isIdle(batch.images()) && isIdle(batch.labels())) {
                buffers.remove(buffer);
                return buffer;
            }
        }
        return null;
    }

    private static boolean isIdle(Tensor tensor) {
        try (TensorScope scope = TensorScope.open()) {
            Storage storage = tensor.storage();
            return storage.use_count() == 1;
        }
    }
}
