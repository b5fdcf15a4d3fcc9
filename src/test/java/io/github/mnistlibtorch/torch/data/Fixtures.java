package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Small datasets, and ways to look at what a loader did. */
final class Fixtures {
    static final long SEED = 42;

    private Fixtures() {}

    /** Python's {@code range(size)} as a dataset. */
    static Dataset<Integer> range(int size) {
        return items(size, index -> index);
    }

    static <T> Dataset<T> items(int size, IntFunction<T> get) {
        return new Dataset<>() {
            @Override
            public T get(int index) {
                return get.apply(index);
            }

            @Override
            public int size() {
                return size;
            }
        };
    }

    /** Counts from 0 to a size; with workers, to the size of the worker that reads. */
    static IterableDataset<Integer> numbers(IntUnaryOperator sizeOfWorker) {
        return () -> {
            WorkerInfo worker = WorkerInfo.current();
            return IntStream.range(0, sizeOfWorker.applyAsInt(worker == null ? 0 : worker.id()))
                    .iterator();
        };
    }

    static IterableDataset<Integer> numbers(int size) {
        return numbers(worker -> size);
    }

    /** The same, with a length that need not be true. */
    static IterableDataset<Integer> numbers(int size, int announced) {
        return new IterableDataset<>() {
            @Override
            public Iterator<Integer> iterator() {
                return IntStream.range(0, size).iterator();
            }

            @Override
            public int size() {
                return announced;
            }

            @Override
            public String toString() {
                return "numbers";
            }
        };
    }

    /** A loader whose batches are the lists of their items. */
    static <T> DataLoader.Builder<List<T>> lists(Dataset<T> dataset) {
        return DataLoader.of(dataset, items -> items);
    }

    static <T> DataLoader.Builder<List<T>> lists(IterableDataset<T> dataset) {
        return DataLoader.of(dataset, items -> items);
    }

    static <T> List<T> listOf(Iterable<T> elements) {
        List<T> list = new ArrayList<>();
        elements.forEach(list::add);
        return list;
    }

    static <T> List<T> listOf(Iterator<T> elements) {
        return listOf(() -> elements);
    }

    static List<List<Integer>> batchesOf(Sampler<int[]> sampler) {
        return listOf(sampler).stream()
                .map(batch -> Arrays.stream(batch).boxed().toList())
                .toList();
    }

    /** How many 32-bit words {@code action} takes from the default generator. */
    static int wordsTakenBy(Runnable action) {
        TorchRandom.manualSeed(SEED);
        action.run();
        long after = TorchRandom.nextInt64(null);
        for (int words = 0; words < 64; words++) {
            TorchRandom.manualSeed(SEED);
            skip(words);
            if (TorchRandom.nextInt64(null) == after) {
                return words;
            }
        }
        throw new AssertionError("more than 63 words");
    }

    @SuppressWarnings("try") // a scope that is only opened and closed
    private static void skip(int words) {
        try (TensorScope scope = TensorScope.open()) {
            torch.empty(new long[] {words}, new TensorOptions(ScalarType.Byte), null)
                    .random_(); // one word each
        }
    }

    static List<Thread> workerThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("DataLoader worker "))
                .toList();
    }
}
