package io.github.mnistlibtorch;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.data.Batch;
import io.github.mnistlibtorch.data.DataLoader;
import io.github.mnistlibtorch.data.Example;
import io.github.mnistlibtorch.data.RandomSampler;
import io.github.mnistlibtorch.data.RandomSplit;
import io.github.mnistlibtorch.data.Sampler;
import io.github.mnistlibtorch.data.Subset;
import io.github.mnistlibtorch.device.DeviceDataLoader;
import io.github.mnistlibtorch.device.Devices;
import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.libtorch.Scope;
import io.github.mnistlibtorch.libtorch.TorchRandom;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.model.StateDict;
import io.github.mnistlibtorch.train.OptimizerFactory;
import io.github.mnistlibtorch.train.Training;
import io.github.mnistlibtorch.vision.Mnist;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/**
 * The whole article, step by step, against recorded runs of real Python.
 *
 * <p>The build pins the kernels of ATen and OpenBLAS to AVX2 for the tests: with other ones, a hidden unit whose
 * pre-activation is nearer to zero than the rounding error may open where it closed, and from there on two correct
 * runs differ.
 */
class ArticleParityTest {
    private static Mnist mnist;

    @BeforeAll
    static void start() {
        LibTorch.start();
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
    }

    @ParameterizedTest
    @CsvSource({
        "article-seed42-float32.json.gz,4",
        "article-seed42-float32.json.gz,0",
        "article-seed42-float64.json.gz,2",
        "article-seed0-float64.json.gz,2",
        "article-seed1-hidden64-float64.json.gz,2",
        "article-seed3-adam-float64.json.gz,2",
        "article-seed7-float32.json.gz,2",
        "article-seed7-batch100-float64.json.gz,2"
    })
    void everyStepIsPythons(String name, int numWorkers) throws IOException {
        JsonNode trace = Trace.read(name);
        JsonNode config = trace.get("config");
        ScalarType dtype = config.get("dtype").asString().equals("float64") ? ScalarType.Double : ScalarType.Float;

        TorchRandom.manualSeed(config.get("seed").asLong());
        int valSize = config.get("val_size").asInt();
        List<Subset<Example>> parts = RandomSplit.randomSplit(mnist, mnist.size() - valSize, valSize);
        assertThat(Trace.sha256(parts.get(0).indices()))
                .isEqualTo(trace.at("/split/train_sha256").asString());
        assertThat(Trace.sha256(parts.get(1).indices()))
                .isEqualTo(trace.at("/split/val_sha256").asString());

        RecordingSampler sampler = new RecordingSampler(parts.get(0).size());
        DataLoader<Batch> trainLoader = DataLoader.of(parts.get(0))
                .batchSize(config.get("batch_size").asInt())
                .sampler(sampler)
                .numWorkers(numWorkers)
                .build();
        DataLoader<Batch> valLoader = DataLoader.of(parts.get(1))
                .batchSize(config.get("val_batch_size").asInt())
                .numWorkers(numWorkers)
                .build();
        int hiddenSize = config.get("hidden_size").asInt();
        peek(trainLoader);
        new MnistModel(784, hiddenSize, 10).close();
        peek(trainLoader);
        sampler.visits.clear();

        try (Device cpu = Devices.of("cpu");
                RecordingModel model = new RecordingModel(hiddenSize)) {
            trace.get("initial_parameters")
                    .propertyStream()
                    .forEach(parameter -> assertThat(sha256(model, parameter.getKey()))
                            .as(parameter.getKey())
                            .isEqualTo(parameter.getValue().get("sha256").asString()));
            model.to(dtype, /* non_blocking= */ false);
            DeviceDataLoader train = new DeviceDataLoader(trainLoader, cpu, dtype);
            DeviceDataLoader val = new DeviceDataLoader(valLoader, cpu, dtype);

            EpochResult before = Training.evaluate(model, val);
            assertClose(before.valLoss(), trace.at("/before/val_loss"), dtype);
            assertThat(before.valAcc()).isEqualTo(Trace.number(trace.at("/before/val_acc")));

            List<EpochResult> history = new ArrayList<>();
            for (JsonNode phase : config.get("schedule")) {
                history.addAll(Training.fit(
                        phase.get("epochs").asInt(),
                        phase.get("lr").asDouble(),
                        model,
                        train,
                        val,
                        OptimizerFactory.named(config.get("optimizer").asString())));
            }

            JsonNode epochs = trace.get("epochs");
            assertThat(history).hasSize(epochs.size());
            Iterator<Double> losses = model.losses.iterator();
            for (int i = 0; i < history.size(); i++) {
                JsonNode epoch = epochs.get(i);
                assertThat(Trace.sha256(sampler.visits.get(i).stream()
                                .mapToInt(Integer::intValue)
                                .toArray()))
                        .isEqualTo(epoch.get("batch_order_sha256").asString());
                for (JsonNode loss : epoch.get("train_losses")) {
                    assertClose(losses.next(), loss, dtype);
                }
                assertClose(history.get(i).valLoss(), epoch.get("val_loss"), dtype);
                assertThat(history.get(i).valAcc()).isEqualTo(Trace.number(epoch.get("val_acc")));
                assertThat(model.lines.get(i)).isEqualTo(epoch.get("line").asString());
            }
            assertThat(losses.hasNext()).isFalse();
        }
        assertThat(TorchRandom.nextInt64(null))
                .isEqualTo(trace.get("next_int64").asLong());
    }

    /** Only rounding may differ: an ulp or so of a float32 near 2, next to nothing of a float64. */
    private static void assertClose(double actual, JsonNode recorded, ScalarType dtype) {
        double expected = Trace.number(recorded);
        double tolerance = dtype == ScalarType.Double ? 1e-9 * Math.abs(expected) : 1e-6;
        assertThat(actual).isCloseTo(expected, within(tolerance));
    }

    private static void peek(DataLoader<Batch> loader) {
        try (var batches = loader.iterator()) {
            batches.next();
        }
    }

    private static String sha256(MnistModel model, String name) {
        try (Scope scope = Scope.open()) {
            Tensor parameter = requireNonNull(StateDict.of(model).get(name));
            float[] values = new float[Math.toIntExact(parameter.numel())];
            parameter.data_ptr_float().get(values);
            return Trace.sha256(values);
        }
    }

    /** The article's model, which remembers what it did. */
    private static final class RecordingModel extends MnistModel {
        private final List<Double> losses = new ArrayList<>();
        private final List<String> lines = new ArrayList<>();

        RecordingModel(int hiddenSize) {
            super(784, hiddenSize, 10);
        }

        @Override
        public Tensor trainingStep(Batch batch) {
            Tensor loss = super.trainingStep(batch);
            losses.add(loss.item_double());
            return loss;
        }

        @Override
        public void epochEnd(int epoch, EpochResult result) {
            lines.add(result.line(epoch));
        }
    }

    /** A random sampler that remembers each visit. */
    private static final class RecordingSampler implements Sampler<Integer> {
        private final RandomSampler sampler;
        private final List<List<Integer>> visits = new ArrayList<>();

        RecordingSampler(int size) {
            sampler = new RandomSampler(() -> size);
        }

        @Override
        public Iterator<Integer> iterator() {
            Iterator<Integer> indices = sampler.iterator();
            List<Integer> visit = new ArrayList<>();
            visits.add(visit);
            return new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return indices.hasNext();
                }

                @Override
                public Integer next() {
                    visit.add(indices.next());
                    return visit.get(visit.size() - 1);
                }
            };
        }

        @Override
        public int size() {
            return sampler.size();
        }
    }
}
