package io.github.mnistlibtorch.torch.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.DeviceDataLoader;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.Training;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import io.github.mnistlibtorch.tutorial.listeners.TerminateOnNaN;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceGuardImplInterface;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What only a GPU can show; {@code mvn -Pcuda verify -Dtest='Cuda*Test' -Dit.test=CudaIT -Djacoco.skip} runs this tier alone. */
@ExtendWith(LibTorchExtension.class)
@Tag("cuda")
class CudaTierTest {
    /** A product of two such matrices keeps a GPU busy for longer than it takes to tell it what comes next. */
    private static final int LARGE = 8192;

    private static Device cuda;
    private static Mnist mnist;

    @BeforeAll
    static void start() throws IOException {
        if (!LibTorch.cuda().isAvailable()) {
            System.out.println("cuda tier: skipped, " + LibTorch.cuda().reason());
        }
        assumeTrue(
                LibTorch.cuda().isAvailable(),
                () -> "no GPU: " + LibTorch.cuda().reason());
        cuda = Devices.of("cuda");
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
        keepBusy(1); // loads cuBLAS
    }

    @AfterEach
    void finish() {
        torch.cuda_synchronize();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void batchesAreMadeInPinnedMemory(int numWorkers) {
        for (Batch batch : pinned(numWorkers)) {
            assertThat(batch.images().is_pinned()).isTrue();
            assertThat(batch.labels().is_pinned()).isTrue();
        }
    }

    @Test
    void batchesCollatedOneByOneArePinnedToo() {
        Dataset<LabeledImage> oneByOne = new Dataset<>() {
            @Override
            public LabeledImage get(int index) {
                return mnist.get(index);
            }

            @Override
            public int size() {
                return 1000;
            }
        };
        for (Batch batch :
                DataLoader.of(oneByOne).batchSize(100).pinMemory(true).build()) {
            assertThat(batch.images().is_pinned()).isTrue();
        }
    }

    /** The copy is done while the computation, which was there before it, is not. */
    @Test
    void copiesOverlapTheComputation() {
        try (TensorScope scope = TensorScope.open();
                CopyStream copies = new CopyStream(cuda, batch -> Devices.toDevice(batch, cuda));
                var batches = pinned(0).iterator()) {
            Batch host = batches.next();
            DeviceGuardImplInterface gpu = torch.getDeviceGuardImpl(DeviceType.CUDA);
            Stream computing = gpu.getStream(cuda);
            keepBusy(50);

            Batch moved = copies.begin(host);
            copies.copying().synchronize();
            assertThat(computing.query()).as("the computation is over").isFalse();

            copies.arrive(moved);
            assertThat(computing.query()).as("the thread has waited").isFalse();
            assertThat(moved.images().cpu().equal(host.images())).isTrue();
            assertThat(moved.labels().cpu().equal(host.labels())).isTrue();
        }
    }

    /** With a computation that lags behind, so that a buffer used too early would be seen. */
    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void everyBatchArrivesWhole(int numWorkers) {
        List<Double> expected = new ArrayList<>();
        for (Batch batch : pinned(numWorkers)) {
            expected.add(checksum(batch));
        }
        try (TensorScope scope = TensorScope.open()) {
            List<Tensor> sums = new ArrayList<>();
            for (Batch batch : new DeviceDataLoader(pinned(numWorkers), cuda, ScalarType.Double)) {
                try (TensorScope step = TensorScope.open()) {
                    keepBusy(1);
                    assertThat(batch.images().is_cuda()).isTrue();
                    sums.add(scope.attach(sum(batch)));
                }
            }
            assertThat(sums).hasSize(expected.size());
            for (int i = 0; i < sums.size(); i++) {
                assertThat(sums.get(i).item_double()).isEqualTo(expected.get(i));
            }
        }
    }

    /**
     * While the copy waits behind other work, the pinned memory that it is from is freed, and more of that size is taken and
     * written to: what arrives is what was there when the copy began.
     */
    @Test
    void pinnedMemoryIsNotGivenOutAgainBeforeItsCopyIsDone() {
        try (TensorScope scope = TensorScope.open();
                CopyStream copies = new CopyStream(cuda, batch -> Devices.toDevice(batch, cuda))) {
            DeviceGuardImplInterface gpu = torch.getDeviceGuardImpl(DeviceType.CUDA);
            Tensor matrix = torch.ones(LARGE, LARGE).to(cuda, ScalarType.Float);
            Tensor host = torch.ones(1 << 20).pin_memory();
            Tensor labels = torch.ones(1).to(ScalarType.Long).pin_memory();
            // Later blocks come out of what is freed here: to ask the system for one may wait for the GPU.
            pinnedBlocks(9).forEach(Tensor::close);
            torch.cuda_synchronize();

            Stream copying = copies.copying();
            Stream computing = gpu.exchangeStream(copying);
            for (int i = 0; i < 50; i++) {
                matrix.mm(matrix).close();
            }
            gpu.exchangeStream(computing);
            Batch moved = copies.begin(new Batch(host, labels));
            host.close();
            List<Tensor> others = pinnedBlocks(8);
            assertThat(copying.query()).as("the copy is done").isFalse();

            copies.arrive(moved);
            assertThat(moved.images().mean().item_double()).isEqualTo(1);
            others.forEach(Tensor::close);
        }
    }

    /** After many steps the GPU still works at them: no step has waited for it, nor what listens to a run. */
    @Test
    void noStepWaitsForTheGpu() {
        DeviceGuardImplInterface gpu = torch.getDeviceGuardImpl(DeviceType.CUDA);
        boolean[] waited = {true};
        TrainingListener listener = new TrainingListener() {
            private int steps;

            @Override
            public void onBatchEnd(TrainingState training, Tensor loss) {
                try (TensorScope scope = TensorScope.open()) {
                    if (steps == 0) {
                        keepBusy(200);
                    } else if (++steps == 20) {
                        waited[0] = gpu.getStream(cuda).query();
                    }
                    steps = Math.max(1, steps);
                }
            }
        };
        train(1, new TerminateOnNaN(/* everyStep= */ true), listener);
        assertThat(waited[0]).isFalse();
    }

    @Test
    void memoryOfTheGpuIsFlat() {
        List<Long> used = new ArrayList<>();
        train(8, new TrainingListener() {
            @Override
            public void onEpochEnd(TrainingState training, EpochResult result) {
                torch.cuda_synchronize();
                try (TensorScope scope = TensorScope.open();
                        var freeAndTotal = torch.getMemoryInfo((byte) 0)) {
                    used.add(freeAndTotal.second() - freeAndTotal.first());
                }
            }
        });
        // What others do on the GPU is counted too.
        assertThat(used.subList(2, used.size()))
                .allSatisfy(bytes -> assertThat(bytes).isCloseTo(used.get(1), within(4L << 20)));
    }

    @Test
    void theSeedIsThatOfTheGpuToo() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor first = drawOnGpu();
            assertThat(drawOnGpu().equal(first)).isTrue();
        }
    }

    @Test
    void aModelDrawsItsWeightsOnTheCpuAndKeepsThem() {
        try (TensorScope scope = TensorScope.open()) {
            TorchRandom.manualSeed(42);
            try (MnistModel model = new MnistModel(784, 32, 10)) {
                Tensor before = model.parameters().get(0).clone();
                Devices.toDevice(model, cuda);
                assertThat(model.parameters().get(0).is_cuda()).isTrue();
                assertThat(model.parameters().get(0).cpu().equal(before)).isTrue();
            }
        }
    }

    private static List<Tensor> pinnedBlocks(int count) {
        List<Tensor> blocks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            blocks.add(torch.zeros(1 << 20).pin_memory());
        }
        return blocks;
    }

    private static Tensor drawOnGpu() {
        TorchRandom.manualSeed(42);
        return torch.empty(1000).to(cuda, ScalarType.Float).normal_();
    }

    private static void train(int epochs, TrainingListener... listeners) {
        DeviceDataLoader train = new DeviceDataLoader(pinned(2), cuda);
        try (MnistModel model = new MnistModel(784, 32, 10)) {
            Devices.toDevice(model, cuda);
            Training.fit(epochs, 0.1, model, train, train, OptimizerFactory.SGD, listeners);
        }
    }

    /** 5000 pictures in batches of 128. */
    private static DataLoader<Batch> pinned(int numWorkers) {
        return DataLoader.of(new Subset<>(mnist, IntStream.range(0, 5000).toArray()))
                .batchSize(128)
                .numWorkers(numWorkers)
                .pinMemory(true)
                .build();
    }

    /** Gives the GPU work. */
    private static void keepBusy(int products) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor matrix = torch.ones(LARGE, LARGE).to(cuda, ScalarType.Float);
            for (int i = 0; i < products; i++) {
                matrix.mm(matrix).close();
            }
        }
    }

    private static double checksum(Batch batch) {
        try (TensorScope scope = TensorScope.open()) {
            return sum(new Batch(batch.images().to(ScalarType.Double), batch.labels()))
                    .item_double();
        }
    }

    /** The sum of all grey values and labels, which are whole numbers: no order of additions changes it. */
    private static Tensor sum(Batch batch) {
        Tensor greyValues = batch.images().mul(new Scalar(255.0)).round();
        return greyValues.sum().add(batch.labels().sum());
    }
}
