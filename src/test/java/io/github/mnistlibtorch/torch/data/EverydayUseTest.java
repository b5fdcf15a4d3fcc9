package io.github.mnistlibtorch.torch.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What people do with a loader that its own tests do not: break off, keep, pass through. */
@ExtendWith(LibTorchExtension.class)
class EverydayUseTest {
    @AfterEach
    void reset() {
        Warnings.reset();
    }

    /** 2,000 such passes of four workers had 1,982 threads. */
    @Test
    void passesThatAreForgottenEnd() {
        DataLoader<Batch> loader = DataLoader.of(Mnist.bundled(Mnist.Split.TEST))
                .batchSize(100)
                .numWorkers(2)
                .build();
        long before = workers();
        long most = 0;
        for (int pass = 0; pass < 200; pass++) {
            for (Batch batch : loader) {
                assertThat(batch.size()).isEqualTo(100);
                break;
            }
            most = Math.max(most, workers() - before);
        }
        assertThat(most).isLessThan(100);
    }

    private static long workers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("DataLoader worker"))
                .count();
    }

    /** As in Python, where each iterator has workers of its own. */
    @Test
    void passesMayNest() {
        DataLoader<Batch> loader = DataLoader.of(Mnist.bundled(Mnist.Split.TEST))
                .batchSize(2_000)
                .numWorkers(1)
                .build();
        int count = 0;
        for (Batch outer : loader) {
            for (Batch inner : loader) {
                count += outer.size() == inner.size() ? 1 : 0;
            }
        }
        assertThat(count).isEqualTo(25);
    }

    @Test
    void aBatchThatIsGoneSaysHowToKeepOne() {
        List<Batch> kept = new ArrayList<>();
        for (Batch batch :
                DataLoader.of(Mnist.bundled(Mnist.Split.TEST)).batchSize(5_000).build()) {
            kept.add(batch);
        }
        assertThatThrownBy(() -> kept.get(0).images())
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this batch has been freed, as its loader went on; to keep it, take"
                        + " batch.images().clone() and batch.labels().clone() before");
        assertThatThrownBy(() -> kept.get(1).size()).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void whatADatasetKeepsIsNotTheLoadersToFree(int numWorkers) {
        List<Tensor> own =
                IntStream.range(0, 6).mapToObj(i -> torch.tensor((float) i)).toList();
        Dataset<Tensor> dataset = new Dataset<>() {
            @Override
            public Tensor get(int index) {
                return own.get(index);
            }

            @Override
            public int size() {
                return own.size();
            }
        };
        DataLoader<Tensor> single =
                DataLoader.unbatched(dataset).numWorkers(numWorkers).build();
        DataLoader<List<Tensor>> lists = DataLoader.of(dataset, items -> items)
                .batchSize(2)
                .numWorkers(numWorkers)
                .build();
        for (int epoch = 0; epoch < 3; epoch++) {
            double sum = 0;
            for (Tensor item : single) {
                sum += item.item_float();
            }
            for (List<Tensor> items : lists) {
                sum += items.get(0).item_float() + items.get(1).item_float();
            }
            assertThat(sum).isEqualTo(30);
        }
        own.forEach(tensor -> assertThat(tensor.isNull()).isFalse());
        own.forEach(Tensor::close);
    }

    /** Python takes 3 ms for it. */
    @Test
    void aSamplerDrawsNoMoreThanItIsAskedFor() {
        Iterator<Integer> indices = new RandomSampler(() -> 10, true, Integer.MAX_VALUE, null).iterator();
        for (int i = 0; i < 100; i++) {
            assertThat(indices.next()).isBetween(0, 9);
        }
    }

    private static final class OwnException extends RuntimeException {
        private static final long serialVersionUID = 1;

        private OwnException(String message) {
            super(message);
        }
    }

    @Test
    void anExceptionKeepsItsClassThroughAWorker() {
        Dataset<Integer> dataset = new Dataset<>() {
            @Override
            public Integer get(int index) {
                throw new OwnException("no item " + index);
            }

            @Override
            public int size() {
                return 1;
            }
        };
        try (var pass = DataLoader.of(dataset, DefaultCollate::collate)
                .numWorkers(1)
                .build()
                .iterator()) {
            assertThatThrownBy(pass::next)
                    .isInstanceOf(OwnException.class)
                    .hasMessage("Caught OwnException in DataLoader worker 0: no item 0");
        }
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        Mnist mnist = Mnist.bundled(Mnist.Split.TEST);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DataLoader.unbatched(mnist).batchSize(3).build())
                .withMessageContaining("mutually exclusive with batch_size");
        try (Tensor one = torch.tensor(1f);
                Tensor scalar = one.squeeze()) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new TensorDataset(scalar))
                    .withMessage("a tensor without dimensions has no rows, as TensorDataset needs them");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(List.of()))
                .withMessage("default_collate: a batch needs at least one item");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DefaultCollate.collate(Arrays.asList(1, null)))
                .withMessage("default_collate: an item is null");
        Dataset<LabeledImage> nothing = new Dataset<>() {
            @Override
            @SuppressWarnings("NullAway") // as somebody's dataset may do
            public LabeledImage get(int index) {
                return null;
            }

            @Override
            public int size() {
                return 2;
            }
        };
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DataLoader.of(nothing).build().iterator().next())
                .withMessage("an example of the batch is null");
        try (TensorScope scope = TensorScope.open()) {
            Tensor meta = torch.empty(new long[] {2}, new TensorOptions(new Device("meta")), null);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> PtFile.write(Path.of("nowhere.pt"), Map.of("m", meta)))
                    .withMessage("tensor \"m\" cannot be saved: it is on the device meta, and has no data");
        }
    }

    /** {@code torch.tensor([2, True])} is {@code tensor([2, 1])}, and {@code torch.tensor([True, 2])} {@code tensor([1, 2])}. */
    @Test
    void truthIsANumberAmongNumbers() {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(Tensors.toLongs((Tensor) DefaultCollate.collate(List.of(2, true))))
                    .containsExactly(2, 1);
            assertThat(Tensors.toLongs((Tensor) DefaultCollate.collate(List.of(true, 2L))))
                    .containsExactly(1, 2);
            assertThat(Tensors.toDoubles((Tensor) DefaultCollate.collate(List.of(1.5, true))))
                    .containsExactly(1.5, 1);
            Tensor truths = (Tensor) DefaultCollate.collate(List.of(true, false));
            assertThat(truths.scalar_type().intern()).isEqualTo(ScalarType.Bool);
        }
    }

    /** Counts 0, 1, …; asking it again after its end is an error, as it may be for a file or a socket. */
    private record Stream(int items) implements IterableDataset<Integer> {
        @Override
        public Iterator<Integer> iterator() {
            return new Iterator<>() {
                private int next;
                private boolean ended;

                @Override
                public boolean hasNext() {
                    if (ended) {
                        throw new IllegalStateException("asked again");
                    }
                    ended = next == items;
                    return !ended;
                }

                @Override
                public Integer next() {
                    if (ended) {
                        throw new NoSuchElementException();
                    }
                    return next++;
                }
            };
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public String toString() {
            return "Stream";
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void aStreamThatHasEndedIsNotAskedAgain(int numWorkers) {
        int batches = 0;
        for (Object batch : DataLoader.of(new Stream(5), DefaultCollate::collate)
                .batchSize(2)
                .numWorkers(numWorkers)
                .build()) {
            assertThat(batch).isInstanceOf(Tensor.class);
            batches++;
        }
        assertThat(batches).isEqualTo(3 * Math.max(1, numWorkers));
    }

    /** Python's sentence, of which the second half is for workers. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aStreamThatIsLongerThanItSaidIsWarnedOf(int numWorkers) {
        List<String> warnings = new ArrayList<>();
        Warnings.showWith(warnings::add);
        DataLoader<Object> loader = DataLoader.of(new Stream(3), DefaultCollate::collate)
                .numWorkers(numWorkers)
                .build();
        assertThat(loader.size()).isEqualTo(1);
        loader.forEach(batch -> {});
        String first =
                "Length of IterableDataset Stream was reported to be 1 (when accessing size() of the DataLoader),"
                        + " but 2 samples have been fetched. ";
        String second = "For multiprocessing data-loading, this could be caused by not properly configuring the"
                + " IterableDataset replica at each worker. Please see"
                + " https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples.";
        assertThat(warnings).contains(numWorkers == 0 ? first : first + second);
    }

    @Test
    void aWorkerSaysWhichItIs() {
        WorkerInfo info = new WorkerInfo(1, 4, 42, "the dataset");
        assertThat(info).hasToString("WorkerInfo(id=1, num_workers=4, seed=42, dataset=the dataset)");
    }

    /** Python raises ValueError with these words. */
    @Test
    void anOptimizerHasParameters() {
        try (TensorVector none = new TensorVector()) {
            for (String name : OptimizerFactory.NAMES) {
                assertThatThrownBy(() -> OptimizerFactory.named(name).create(none, 0.1))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("optimizer got an empty parameter list");
            }
        }
    }
}
