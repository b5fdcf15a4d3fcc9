package io.github.mnistlibtorch.torch.data;

import static io.github.mnistlibtorch.torch.data.DataRecord.recorded;
import static io.github.mnistlibtorch.torch.data.DataRecord.recordedMessage;
import static io.github.mnistlibtorch.torch.data.Fixtures.listOf;
import static io.github.mnistlibtorch.torch.data.Fixtures.lists;
import static io.github.mnistlibtorch.torch.data.Fixtures.numbers;
import static io.github.mnistlibtorch.torch.data.Fixtures.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Which arguments go together. The texts are Python's. */
@ExtendWith(LibTorchExtension.class)
class DataLoaderRulesTest {
    private static final Sampler<Integer> SAMPLER = Sampler.of(List.of(0));
    private static final Sampler<int[]> BATCHES = Sampler.of(List.of(new int[] {0}));

    private final List<String> warnings = new ArrayList<>();

    @BeforeEach
    void collectWarnings() {
        Warnings.showWith(warnings::add);
    }

    @AfterEach
    void forgetWarnings() {
        Warnings.reset();
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                arguments("num_workers -1", ten().numWorkers(-1)),
                arguments("timeout -1", ten().timeout(Duration.ofSeconds(-1))),
                arguments("prefetch_factor 2, no workers", ten().prefetchFactor(2)),
                arguments("prefetch_factor -1", ten().prefetchFactor(-1).numWorkers(1)),
                arguments("persistent_workers, no workers", ten().persistentWorkers(true)),
                arguments(
                        "batch_size None, drop_last",
                        DataLoader.unbatched(range(10)).dropLast(true)),
                arguments("batch_size 0", ten().batchSize(0)),
                arguments("batch_size -1", ten().batchSize(-1)),
                arguments("sampler, shuffle", ten().sampler(SAMPLER).shuffle(true)),
                arguments(
                        "batch_sampler, batch_size 2",
                        ten().batchSampler(BATCHES).batchSize(2)),
                arguments(
                        "batch_sampler, batch_size None",
                        DataLoader.unbatched(range(10)).batchSampler(BATCHES)),
                arguments("batch_sampler, shuffle", ten().batchSampler(BATCHES).shuffle(true)),
                arguments("batch_sampler, sampler", ten().batchSampler(BATCHES).sampler(SAMPLER)),
                arguments(
                        "batch_sampler, drop_last", ten().batchSampler(BATCHES).dropLast(true)),
                arguments(
                        "batch_sampler, sampler, shuffle",
                        ten().batchSampler(BATCHES).sampler(SAMPLER).shuffle(true)),
                arguments("empty, shuffle", lists(range(0)).shuffle(true)),
                arguments("iterable, shuffle", lists(numbers(3)).shuffle(true)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void refused(String rule, DataLoader.Builder<?> builder) {
        assertThatIllegalArgumentException()
                .isThrownBy(builder::build)
                .withMessage(recordedMessage("loader rules", "errors", rule));
    }

    @Test
    void streamTakesNoSampler() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lists(numbers(3)).sampler(SAMPLER).build())
                .withMessageStartingWith(upToValue("iterable, sampler"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lists(numbers(3)).batchSampler(BATCHES).build())
                .withMessageStartingWith(upToValue("iterable, batch_sampler"));
    }

    @Test
    void emptyDatasetIsLoadedInOrder() {
        DataLoader<List<Integer>> loader = lists(range(0)).build();

        assertThat(loader.size()).isZero();
        assertThat(listOf(loader)).isEmpty();
    }

    @Test
    void batchSamplerGoesWithABatchSizeOfOneWhichThenDoesNotCount() {
        DataLoader<List<Integer>> loader = ten().batchSampler(Sampler.of(List.of(new int[] {3, 1}, new int[] {2})))
                .batchSize(1)
                .build();

        assertThat(listOf(loader)).containsExactly(List.of(3, 1), List.of(2));
        assertThat(loader.size()).isEqualTo(2);
        assertThat(loader.batchSize()).isNull(); // as in Python
    }

    @Test
    void timeoutWithoutWorkersIsRefusedAtThePass() {
        DataLoader<?> loader = ten().timeout(Duration.ofSeconds(1)).build();

        assertThatIllegalStateException()
                .isThrownBy(loader::iterator)
                .withMessage("a DataLoader without workers requires timeout == 0");
    }

    @Test
    void prefetchFactorOfZeroIsRefusedAtThePass() {
        DataLoader<?> loader = ten().numWorkers(1).prefetchFactor(0).build();

        assertThatIllegalStateException()
                .isThrownBy(loader::iterator)
                .withMessage("prefetch_factor must be greater than 0 for a DataLoader with workers");
    }

    @Test
    void sizeOfASamplerWithoutLengthIsRefused() {
        DataLoader<?> loader = ten().sampler(List.of(1, 2)::iterator).build();

        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(loader::size)
                .withMessageMatching("object of type '.*' has no len\\(\\)");
    }

    @Test
    void loaderTellsItsArguments() {
        assertThat(ten().batchSize(3).numWorkers(2).build().batchSize()).isEqualTo(3);
        assertThat(ten().numWorkers(2).build().numWorkers()).isEqualTo(2);
        assertThat(ten().build().batchSize()).isEqualTo(1);
        assertThat(DataLoader.unbatched(range(10)).build().batchSize()).isNull();
    }

    @Test
    void moreWorkersThanProcessorsAreWarnedOf() {
        ten().numWorkers(100_000).build();

        List<String> python = ((List<?>) recorded("loader rules", "1000 workers"))
                .stream()
                        .map(text -> text.toString()
                                .replace("1000", "100000")
                                .replace("worker processes", "worker threads")
                                .replaceAll(
                                        "system is \\d+",
                                        "system is " + Runtime.getRuntime().availableProcessors()))
                        .toList();
        assertThat(warnings).isEqualTo(python);
    }

    @Test
    void pinnedMemoryWithoutAcceleratorIsWarnedOfAtThePass() {
        assumeThat(torch.cuda_is_available()).isFalse();
        DataLoader<?> loader = ten().pinMemory(true).build();
        assertThat(warnings).isEmpty();

        try (var batches = loader.iterator()) {
            assertThat(batches.hasNext()).isTrue();
            assertThat(warnings).isEqualTo(recorded("loader rules", "pin_memory without accelerator"));
        }
    }

    static Stream<Arguments> lengths() {
        return Stream.of(
                arguments("100, batch 1", lists(range(100))),
                arguments("100, batch 2", lists(range(100)).batchSize(2)),
                arguments("100, batch 3", lists(range(100)).batchSize(3)),
                arguments("10, batch 3", ten().batchSize(3)),
                arguments("10, batch 3, drop last", ten().batchSize(3).dropLast(true)),
                arguments("10, batch 20", ten().batchSize(20)),
                arguments("10, batch 20, drop last", ten().batchSize(20).dropLast(true)),
                arguments("10, batch None", DataLoader.unbatched(range(10))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void lengths(String loader, DataLoader.Builder<?> builder) {
        DataLoader<?> built = builder.build();

        assertThat(built.size())
                .isEqualTo(recorded("loader rules", "lengths", loader))
                .isEqualTo(listOf(built).size());
    }

    private static String upToValue(String rule) {
        String message = recordedMessage("loader rules", "errors", rule);
        return message.substring(0, message.lastIndexOf('=') + 1);
    }

    private static DataLoader.Builder<List<Integer>> ten() {
        return lists(range(10));
    }
}
