package io.github.mnistlibtorch.tutorial;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(LibTorchExtension.class)
class TrainingMemoryTest {
    private static Mnist mnist;

    @BeforeAll
    static void start() {
        mnist = Mnist.bundled(Mnist.Split.TEST);
    }

    @ParameterizedTest
    @CsvSource({"sgd,0", "sgd,2", "momentum,0", "adam,2", "adamw,0", "rmsprop,0"})
    void livePointersAreTheSameAfterEveryEpoch(String optimizer, int numWorkers) {
        List<Long> counts = new ArrayList<>();
        LeakCheck.settled();
        try (Device cpu = Devices.of("cpu");
                MnistModel model = new CountingModel(counts)) {
            Training.fit(
                    6,
                    0.01,
                    model,
                    loader(0, 1_000, numWorkers, cpu),
                    loader(1_000, 1_300, numWorkers, cpu),
                    OptimizerFactory.named(optimizer));
        }
        assertThat(counts).hasSize(6);
        assertThat(counts.subList(1, 6)).containsOnly(counts.get(0));
    }

    @ParameterizedTest
    @CsvSource({"sgd", "momentum", "adam", "adamw", "rmsprop"})
    void fitLeavesNoPointerBehind(String optimizer) {
        try (Device cpu = Devices.of("cpu");
                MnistModel model = new CountingModel(new ArrayList<>())) {
            DeviceDataLoader loader = loader(0, 200, 0, cpu);
            Training.fit(1, 0.01, model, loader, loader, OptimizerFactory.named(optimizer));
            long before = LeakCheck.settled();
            Training.fit(2, 0.01, model, loader, loader, OptimizerFactory.named(optimizer));
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    private static DeviceDataLoader loader(int from, int to, int numWorkers, Device device) {
        DataLoader<Batch> loader = DataLoader.of(
                        new Subset<>(mnist, IntStream.range(from, to).toArray()))
                .batchSize(128)
                .shuffle(true)
                .numWorkers(numWorkers)
                .build();
        return new DeviceDataLoader(loader, device);
    }

    /** Counts JavaCPP's live pointers where the article prints its line. */
    private static final class CountingModel extends MnistModel {
        private final List<Long> counts;

        CountingModel(List<Long> counts) {
            super(784, 16, 10);
            this.counts = counts;
        }

        @Override
        public void epochEnd(int epoch, EpochResult result) {
            counts.add(Pointer.totalCount());
        }
    }
}
