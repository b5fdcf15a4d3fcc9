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
import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.libtorch.Scope;
import io.github.mnistlibtorch.libtorch.TorchRandom;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.model.StateDict;
import io.github.mnistlibtorch.train.Training;
import io.github.mnistlibtorch.vision.Mnist;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.PrimitiveIterator;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * The whole article, step by step, against a recorded run of real Python.
 *
 * <p>The build pins the kernels of ATen and OpenBLAS to AVX2 for the tests: with other ones, a hidden unit whose
 * pre-activation is nearer to zero than the rounding error may open where it closed, and from there on two correct
 * runs differ.
 */
class ArticleParityTest {
    /** Worst difference of a loss that rounding alone makes; float32 near 2 has steps of 2.4e-7. */
    private static final double ROUNDING = 1e-6;

    private static JsonNode trace;
    private static Mnist mnist;

    @BeforeAll
    static void start() throws IOException {
        LibTorch.start();
        trace = Trace.read("article-seed42-float32.json.gz");
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void everyStepIsPythons(int numWorkers) {
        TorchRandom.manualSeed(42);
        List<Subset<Example>> parts = RandomSplit.randomSplit(mnist, 50_000, 10_000);
        assertThat(Trace.sha256(parts.get(0).indices()))
                .isEqualTo(trace.at("/split/train_sha256").asString());
        assertThat(Trace.sha256(parts.get(1).indices()))
                .isEqualTo(trace.at("/split/val_sha256").asString());

        RecordingSampler sampler = new RecordingSampler(parts.get(0).size());
        DataLoader<Batch> trainLoader = DataLoader.of(parts.get(0))
                .batchSize(128)
                .sampler(sampler)
                .numWorkers(numWorkers)
                .build();
        DataLoader<Batch> valLoader = DataLoader.of(parts.get(1))
                .batchSize(256)
                .numWorkers(numWorkers)
                .build();
        peek(trainLoader);
        new MnistModel(784, 32, 10).close();
        peek(trainLoader);

        try (RecordingModel model = new RecordingModel()) {
            trace.get("initial_parameters")
                    .propertyStream()
                    .forEach(parameter -> assertThat(sha256(model, parameter.getKey()))
                            .as(parameter.getKey())
                            .isEqualTo(parameter.getValue().get("sha256").asString()));

            EpochResult before = Training.evaluate(model, valLoader);
            assertThat(before.valLoss()).isEqualTo(Trace.number(trace.at("/before/val_loss")));
            assertThat(before.valAcc()).isEqualTo(Trace.number(trace.at("/before/val_acc")));

            sampler.visits.clear();
            List<EpochResult> history = new ArrayList<>();
            history.addAll(Training.fit(5, 0.5, model, trainLoader, valLoader));
            history.addAll(Training.fit(5, 0.1, model, trainLoader, valLoader));

            JsonNode epochs = trace.get("epochs");
            assertThat(history).hasSize(epochs.size());
            PrimitiveIterator.OfDouble losses =
                    model.losses.stream().mapToDouble(Double::doubleValue).iterator();
            for (int i = 0; i < history.size(); i++) {
                JsonNode epoch = epochs.get(i);
                assertThat(Trace.sha256(sampler.visits.get(i).stream()
                                .mapToInt(Integer::intValue)
                                .toArray()))
                        .isEqualTo(epoch.get("batch_order_sha256").asString());
                for (JsonNode loss : epoch.get("train_losses")) {
                    assertThat(losses.nextDouble()).isCloseTo(Trace.number(loss), within(ROUNDING));
                }
                assertThat(history.get(i).valLoss()).isCloseTo(Trace.number(epoch.get("val_loss")), within(ROUNDING));
                assertThat(history.get(i).valAcc()).isEqualTo(Trace.number(epoch.get("val_acc")));
                assertThat(model.lines.get(i)).isEqualTo(epoch.get("line").asString());
            }
            assertThat(losses.hasNext()).isFalse();
        }
        assertThat(TorchRandom.nextInt64(null))
                .isEqualTo(trace.get("next_int64").asLong());
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

        RecordingModel() {
            super(784, 32, 10);
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
