package io.github.mnistlibtorch.torch.data;

/**
 * Memory for the tensors of a batch, filled again and again: with it, a loader trains without taking memory for each
 * step. Used by one thread at a time.
 */
public interface BatchBuffer extends AutoCloseable {
    /**
     * Writes the examples at {@code indices} into the tensors, in that order.
     *
     * @param indices as many as the buffer was made for
     * @throws IndexOutOfBoundsException if there is no such example
     */
    void read(int[] indices);

    /** The tensors; they belong to the buffer. */
    Batch batch();

    /** Frees the buffer; memory that another tensor still refers to lives as long as that. */
    @Override
    void close();
}
