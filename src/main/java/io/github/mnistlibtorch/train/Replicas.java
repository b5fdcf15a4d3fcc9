package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.data.RandomSampler;
import io.github.mnistlibtorch.data.Sampler;
import io.github.mnistlibtorch.data.SequentialSampler;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.model.ValidationOutput;
import java.util.List;

/**
 * The processes that train one model together: what the article's loop asks of them. Each has a copy of the model and
 * a share of the pictures; all call these methods in the same order.
 */
public interface Replicas extends AutoCloseable {
    /** One process, which does everything itself. */
    Replicas ONE = new Replicas() {};

    /** The order in which this process visits its share of the train split, another one in each epoch. */
    default Sampler<Integer> trainOrder(int size) {
        return new RandomSampler(() -> size);
    }

    /** The order in which this process visits its share of the validation split, whole batches of it. */
    default Sampler<Integer> valOrder(int size, int batchSize) {
        return new SequentialSampler(() -> size);
    }

    /**
     * Training is about to begin, or to go on: all copies become the same.
     *
     * @param model on its device and in its dtype, for the rest of the run
     * @param epochsDone 0 to begin
     */
    default void begin(MnistModel model, int epochsDone) {}

    /** The next epoch begins: {@code sampler.set_epoch(epoch)}. */
    default void epochBegins() {}

    /** After {@code loss.backward()}: the gradients become the mean of those of all processes. */
    default void averageGradients() {}

    /** The outputs of all batches of the validation split, as one process would have them. */
    default List<ValidationOutput> gather(List<ValidationOutput> own) {
        return own;
    }

    /** The mean of a number over the processes. */
    default double mean(double own) {
        return own;
    }

    /** Frees native memory. */
    @Override
    default void close() {}
}
