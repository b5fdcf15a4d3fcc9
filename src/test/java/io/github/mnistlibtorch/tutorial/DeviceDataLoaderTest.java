package io.github.mnistlibtorch.tutorial;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class DeviceDataLoaderTest {
    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void everyBatchIsOnTheDevice(int numWorkers) {
        try (Device meta = Devices.of("meta")) {
            DeviceDataLoader loader = new DeviceDataLoader(loader(numWorkers), meta);
            assertThat(loader.size()).isEqualTo(3);
            List<Integer> sizes = new ArrayList<>();
            for (Batch batch : loader) {
                assertThat(batch.images().is_meta()).isTrue();
                assertThat(batch.labels().is_meta()).isTrue();
                sizes.add(batch.size());
            }
            assertThat(sizes).containsExactly(4, 4, 2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "meta"})
    void aPassLeavesNoPointerBehind(String name) {
        try (Device device = Devices.of(name)) {
            DeviceDataLoader loader = new DeviceDataLoader(loader(2), device);
            pass(loader);
            long before = LeakCheck.settled();
            pass(loader);
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void aPassThatIsClosedEarlyLeavesNoPointerBehind(int numWorkers) {
        try (Device device = Devices.of("cpu")) {
            DeviceDataLoader loader = new DeviceDataLoader(loader(numWorkers), device);
            long before = LeakCheck.settled();
            try (var batches = loader.iterator()) {
                assertThat(batches.next().size()).isEqualTo(4);
            }
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    private static void pass(DeviceDataLoader loader) {
        int examples = 0;
        for (Batch batch : loader) {
            examples += batch.size();
        }
        assertThat(examples).isEqualTo(10);
    }

    private static DataLoader<Batch> loader(int numWorkers) {
        return DataLoader.of(new TenExamples())
                .batchSize(4)
                .numWorkers(numWorkers)
                .build();
    }

    private static final class TenExamples implements Dataset<LabeledImage> {
        @Override
        public LabeledImage get(int index) {
            return new LabeledImage(torch.ones(1, 28, 28), index);
        }

        @Override
        public int size() {
            return 10;
        }
    }
}
