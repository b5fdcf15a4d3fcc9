package io.github.mnistlibtorch.app.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.parity.CheckResult;
import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceComparison;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.parity.TraceRecorder;
import io.github.mnistlibtorch.app.parity.TraceText;
import io.github.mnistlibtorch.app.parity.fork.ForkFollower;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Sampler;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.TrainingState;
import io.github.mnistlibtorch.tutorial.ValidationOutput;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Mistakes that translations of the article make, one at a time: the ladder has to name the result. */
@Tag("slow")
@ExtendWith(LibTorchExtension.class)
class WrongTranslationTest {
    private static final int HIDDEN = 32;

    private static Device cpu;
    private static Mnist mnist;
    private static Trace python;
    private static Trace pythonInFloat32;

    @BeforeAll
    static void start() throws IOException {
        cpu = Devices.of("cpu");
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
        python = TraceFile.read(Path.of("test-data/article-seed0-float64.json.gz"));
        pythonInFloat32 = TraceFile.read(Path.of("test-data/article-seed7-float32.json.gz"));
    }

    @AfterAll
    static void close() {
        cpu.close();
    }

    @Test
    void rightTranslationClimbsTheLadder() throws IOException {
        assertThat(firstDivergence(new Run())).isEmpty();
    }

    @Test
    void multiplicationByOneOver255() throws IOException {
        // The evaluation before training moves by less than 1e-9 of itself; training adds it up.
        assertThat(firstDivergence(new Run(python.config(), images(image -> {
                    try (TensorScope scope = TensorScope.open()) {
                        Tensor bytes = image.mul(new Scalar(255)).round();
                        return image.copy_(bytes.mul(new Scalar(1 / 255f)));
                    }
                }))))
                .hasValue("step losses");
    }

    @Test
    void skippedFirstPeek() throws IOException {
        assertThat(firstDivergence(skippingPeek(1))).hasValue("initial parameters");
    }

    @Test
    void skippedSecondPeek() throws IOException {
        assertThat(firstDivergence(skippingPeek(2))).hasValue("initial parameters");
    }

    private static TrainingRun skippingPeek(int skipped) {
        return new Run() {
            private int peeks;

            @Override
            void peek(DataLoader<Batch> loader, Look look) throws IOException {
                if (++peeks != skipped) {
                    super.peek(loader, look);
                }
            }
        };
    }

    @Test
    void valLoaderThatDrawsNothing() throws IOException {
        try (Generator own = TorchRandom.newGenerator(0)) {
            TrainingRun wrong = new Run() {
                @Override
                DataLoader.Builder<Batch> valLoader(Subset<LabeledImage> val) {
                    return super.valLoader(val).generator(own);
                }
            };
            assertThat(firstDivergence(wrong)).hasValue("batch orders");
        }
    }

    @Test
    void meanOverImagesInsteadOfBatches() throws IOException {
        TrainingRun wrong = new Run() {
            @Override
            MnistModel newModel() {
                return new MeanOverImages(HIDDEN);
            }
        };
        assertThat(firstDivergence(wrong)).hasValue("before training");
    }

    @Test
    void samplerOnTheDefaultGenerator() throws IOException {
        TrainingRun wrong = new Run() {
            @Override
            DataLoader.Builder<Batch> trainLoader(Subset<LabeledImage> train) {
                Sampler<Integer> sampler = () ->
                        Arrays.stream(TorchRandom.randperm(train.size(), null)).iterator();
                return super.trainLoader(train).shuffle(false).sampler(sampler);
            }
        };
        assertThat(firstDivergence(wrong)).hasValue("initial parameters");
    }

    @Test
    void biasDrawnBeforeWeight() throws IOException {
        TrainingRun wrong = new Run() {
            @Override
            MnistModel newModel() {
                return biasFirst(HIDDEN);
            }
        };
        assertThat(firstDivergence(wrong)).hasValue("initial parameters");
    }

    @Test
    void anotherSeedForTheSplit() throws IOException {
        RunConfig right = python.config();
        RunConfig wrong = RunConfigs.mlp(
                right.seed() + 1,
                right.hiddenSizes(),
                right.batchSize(),
                right.valSize(),
                right.numWorkers(),
                right.dtype(),
                right.optimizer(),
                right.schedule());
        assertThat(firstDivergence(new Run(wrong, mnist))).hasValue("split");
    }

    @Test
    void anotherLearningRateIsNoReluForkInFloat32() throws IOException {
        RunConfig right = pythonInFloat32.config();
        RunConfig wrong = right.with(
                right.valSize(),
                right.schedule().stream()
                        .map(phase -> new Phase(phase.epochs(), phase.lr() * 1.001))
                        .toList());
        List<CheckResult> results = compare(new Run(wrong, mnist), pythonInFloat32);
        assertThat(results).filteredOn(result -> !result.passed()).first().satisfies(result -> {
            assertThat(result.name()).isEqualTo("step losses");
            assertThat(result.detail()).contains("step 1 ", "something besides this training");
        });
    }

    @Test
    void lossThatNoGateAndNoRoundingExplainsIsNoReluFork() throws IOException {
        List<Trace.Epoch> epochs = new ArrayList<>(pythonInFloat32.epochs());
        epochs.set(
                0,
                TraceText.withLoss(
                        epochs.get(0), 200, epochs.get(0).trainLosses().get(200) + 1e-4));
        Trace altered = TraceText.withEpochs(pythonInFloat32, epochs);
        List<CheckResult> results = compare(new Run(altered.config(), mnist), altered);
        assertThat(results).filteredOn(result -> !result.passed()).first().satisfies(result -> {
            assertThat(result.name()).isEqualTo("step losses");
            assertThat(result.detail())
                    .contains("step 200 (epoch 0 of fit 1, batch 200)", "not a ReLU fork", "nor rounding alone")
                    .containsPattern("nearest is step \\d+, row \\d+, unit \\d+, pre-activation \\S+, rounding error");
        });
    }

    @Test
    void lossThatIsNotANumberIsNoReluFork() throws IOException {
        TrainingRun wrong = new Run(pythonInFloat32.config(), images(image -> image.div(new Scalar(0))));
        assertThat(compare(wrong, pythonInFloat32))
                .filteredOn(result -> !result.passed())
                .extracting(CheckResult::name)
                .startsWith("before training", "step losses");
    }

    @Test
    void smallerTrainingSetIsReportedAndNotLed() throws IOException {
        TrainingRun wrong = new Run(
                pythonInFloat32.config(),
                new Subset<>(mnist, IntStream.range(0, 12_000).toArray()));
        assertThat(compare(wrong, pythonInFloat32))
                .filteredOn(result -> !result.passed())
                .extracting(CheckResult::name)
                .startsWith("split", "initial parameters");
    }

    @Test
    void weightThatIsOverwrittenInMidRunIsNoReluForkInFloat32() throws IOException {
        TrainingRun wrong = new Run(pythonInFloat32.config(), mnist);
        List<CheckResult> results = compare(wrong, pythonInFloat32, new Hit(300));
        assertThat(results).filteredOn(result -> !result.passed()).first().satisfies(result -> {
            assertThat(result.name()).isEqualTo("step losses");
            assertThat(result.detail()).contains("step 301", "something besides this training");
        });
    }

    private static Optional<String> firstDivergence(TrainingRun run) throws IOException {
        return compare(run, python).stream()
                .filter(result -> !result.passed())
                .findFirst()
                .map(CheckResult::name);
    }

    private static List<CheckResult> compare(TrainingRun run, Trace expected) throws IOException {
        return compare(run, expected, new RunListener() {});
    }

    /** @param first listens before the others */
    private static List<CheckResult> compare(TrainingRun run, Trace expected, RunListener first) throws IOException {
        TraceRecorder recorder = new TraceRecorder(expected.config());
        try (ForkFollower follower = new ForkFollower(expected, expected.config(), cpu, recorder)) {
            run.printNothing().listeners(first, recorder, follower).run();
            return TraceComparison.compare(expected, recorder.trace(), follower.report());
        }
    }

    /** A run of the article, of which a test gets one thing wrong. */
    private static class Run extends TrainingRun {
        Run() {
            this(python.config(), mnist);
        }

        Run(RunConfig config, Dataset<LabeledImage> dataset) {
            super(config, dataset, cpu);
        }
    }

    /** MNIST, with another image in the place of each. */
    private static Dataset<LabeledImage> images(UnaryOperator<Tensor> operator) {
        return new Dataset<>() {
            @Override
            public LabeledImage get(int index) {
                return mnist.get(index).mapTensors(operator);
            }

            @Override
            public int size() {
                return mnist.size();
            }
        };
    }

    /** The layers' parameters in the wrong order from the right place of the stream, which ends in the right place. */
    private static MnistModel biasFirst(int hiddenSize) {
        Generator before = torch.getDefaultCPUGenerator().clone();
        MnistModel model = new MnistModel(784, hiddenSize, 10);
        try (before;
                TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Map<String, Tensor> parameters = StateDict.of(model);
            for (String layer : List.of("linear1", "linear2")) {
                Tensor weight = requireNonNull(parameters.get(layer + ".weight"));
                Tensor bias = requireNonNull(parameters.get(layer + ".bias"));
                double bound = 1 / Math.sqrt(weight.size(1));
                bias.uniform_(-bound, bound, new GeneratorOptional(before));
                weight.uniform_(-bound, bound, new GeneratorOptional(before));
            }
            return model;
        }
    }

    private static final class MeanOverImages extends MnistModel {
        private final List<Integer> sizes = new ArrayList<>();

        MeanOverImages(int hiddenSize) {
            super(784, hiddenSize, 10);
        }

        @Override
        public ValidationOutput validationStep(Batch batch) {
            sizes.add(batch.size());
            return super.validationStep(batch);
        }

        @Override
        public EpochResult validationEpochEnd(List<ValidationOutput> outputs) {
            double loss = 0;
            double acc = 0;
            double images = 0;
            for (int i = 0; i < outputs.size(); i++) {
                loss += outputs.get(i).valLoss().item_double() * sizes.get(i);
                acc += outputs.get(i).valAcc().item_double() * sizes.get(i);
                images += sizes.get(i);
            }
            sizes.clear();
            return new EpochResult(loss / images, acc / images);
        }
    }

    /** Moves one weight after a step, as a stray write would. */
    private record Hit(int step, MnistModel[] model) implements RunListener {
        Hit(int step) {
            this(step, new MnistModel[1]);
        }

        @Override
        public void onModelCreated(ImageClassificationBase created) {
            model[0] = (MnistModel) created;
        }

        @Override
        public void onBatchEnd(TrainingState training, Tensor loss) {
            if (training.totalSteps() == step + 1) {
                try (TensorScope scope = TensorScope.open();
                        NoGradGuard noGrad = new NoGradGuard()) {
                    Tensor bias = requireNonNull(StateDict.of(model[0]).get("linear2.bias"));
                    bias.get(3).add_(new Scalar(1e-3));
                }
            }
        }
    }
}
