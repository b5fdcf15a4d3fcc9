package io.github.mnistlibtorch.app.parity;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.parity.fork.ForkFollower;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunListener;
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
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Mistakes that translations of the article make, one at a time: the ladder has to name the result. */
@Tag("slow")
@ExtendWith(LibTorchExtension.class)
class WrongTranslationTest {
    private static Mnist mnist;
    private static Trace python;
    private static Trace pythonInFloat32;

    @BeforeAll
    static void start() throws IOException {
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
        python = TraceFile.read(Path.of("test-data/article-seed0-float64.json.gz"));
        pythonInFloat32 = TraceFile.read(Path.of("test-data/article-seed7-float32.json.gz"));
    }

    @Test
    void rightTranslationClimbsTheLadder() {
        assertThat(firstDivergence(new Article(python.config(), mnist))).isEmpty();
    }

    @Test
    void multiplicationByOneOver255() {
        Article wrong = new Article(python.config(), mnist) {
            @Override
            Dataset<LabeledImage> dataset(Dataset<LabeledImage> dataset) {
                return new Dataset<>() {
                    @Override
                    public LabeledImage get(int index) {
                        LabeledImage item = dataset.get(index);
                        try (TensorScope scope = TensorScope.open()) {
                            Tensor bytes = item.image().mul(new Scalar(255)).round();
                            item.image().copy_(bytes.mul(new Scalar(1 / 255f)));
                        }
                        return item;
                    }

                    @Override
                    public int size() {
                        return dataset.size();
                    }
                };
            }
        };
        // The evaluation before training moves by less than 1e-9 of itself; training adds it up.
        assertThat(firstDivergence(wrong)).hasValue("step losses");
    }

    @Test
    void skippedFirstPeek() {
        Article wrong = new Article(python.config(), mnist) {
            @Override
            void firstPeek(DataLoader<Batch> loader) {}
        };
        assertThat(firstDivergence(wrong)).hasValue("initial parameters");
    }

    @Test
    void skippedSecondPeek() {
        Article wrong = new Article(python.config(), mnist) {
            @Override
            void secondPeek(DataLoader<Batch> loader) {}
        };
        assertThat(firstDivergence(wrong)).hasValue("initial parameters");
    }

    @Test
    void valLoaderThatDrawsNothing() {
        try (Generator own = TorchRandom.newGenerator(0)) {
            Article wrong = new Article(python.config(), mnist) {
                @Override
                DataLoader.Builder<Batch> valLoader(DataLoader.Builder<Batch> builder) {
                    return builder.generator(own);
                }
            };
            assertThat(firstDivergence(wrong)).hasValue("batch orders");
        }
    }

    @Test
    void meanOverImagesInsteadOfBatches() {
        Article wrong = new Article(python.config(), mnist) {
            @Override
            MnistModel model(int hiddenSize) {
                return new MeanOverImages(hiddenSize);
            }
        };
        assertThat(firstDivergence(wrong)).hasValue("before training");
    }

    @Test
    void samplerOnTheDefaultGenerator() {
        Article wrong = new Article(python.config(), mnist) {
            @Override
            DataLoader.Builder<Batch> trainLoader(DataLoader.Builder<Batch> builder, Subset<LabeledImage> train) {
                Sampler<Integer> sampler = () ->
                        Arrays.stream(TorchRandom.randperm(train.size(), null)).iterator();
                return builder.sampler(sampler);
            }
        };
        assertThat(firstDivergence(wrong)).hasValue("initial parameters");
    }

    @Test
    void biasDrawnBeforeWeight() {
        Article wrong = new Article(python.config(), mnist) {
            @Override
            MnistModel model(int hiddenSize) {
                return biasFirst(hiddenSize);
            }
        };
        assertThat(firstDivergence(wrong)).hasValue("initial parameters");
    }

    @Test
    void anotherSeedForTheSplit() {
        Article wrong = new Article(python.config(), mnist) {
            @Override
            Dataset<LabeledImage> dataset(Dataset<LabeledImage> dataset) {
                TorchRandom.manualSeed(1);
                return dataset;
            }
        };
        assertThat(firstDivergence(wrong)).hasValue("split");
    }

    @Test
    void anotherLearningRateIsNoReluForkInFloat32() {
        Article wrong = new Article(pythonInFloat32.config(), mnist) {
            @Override
            double learningRate(Phase phase) {
                return phase.lr() * 1.001;
            }
        };
        List<CheckResult> results = compare(wrong, pythonInFloat32);
        assertThat(results).filteredOn(result -> !result.passed()).first().satisfies(result -> {
            assertThat(result.name()).isEqualTo("step losses");
            assertThat(result.detail()).contains("step 1 ", "something besides this training");
        });
    }

    @Test
    void lossThatNoGateAndNoRoundingExplainsIsNoReluFork() {
        List<Trace.Epoch> epochs = new ArrayList<>(pythonInFloat32.epochs());
        epochs.set(0, withLoss(epochs.get(0), 200, 1e-4));
        Trace altered = withEpochs(pythonInFloat32, epochs);
        List<CheckResult> results = compare(new Article(altered.config(), mnist), altered);
        assertThat(results).filteredOn(result -> !result.passed()).first().satisfies(result -> {
            assertThat(result.name()).isEqualTo("step losses");
            assertThat(result.detail())
                    .contains("step 200 (epoch 0 of fit 1, batch 200)", "not a ReLU fork", "nor rounding alone")
                    .containsPattern("nearest is step \\d+, row \\d+, unit \\d+, pre-activation \\S+, rounding error");
        });
    }

    @Test
    void lossThatIsNotANumberIsNoReluFork() {
        Article wrong = new Article(pythonInFloat32.config(), mnist) {
            @Override
            Dataset<LabeledImage> dataset(Dataset<LabeledImage> dataset) {
                return new Dataset<>() {
                    @Override
                    public LabeledImage get(int index) {
                        LabeledImage example = dataset.get(index);
                        return new LabeledImage(example.image().div(new Scalar(0)), example.label());
                    }

                    @Override
                    public int size() {
                        return dataset.size();
                    }
                };
            }
        };
        assertThat(compare(wrong, pythonInFloat32))
                .filteredOn(result -> !result.passed())
                .extracting(CheckResult::name)
                .startsWith("before training", "step losses");
    }

    @Test
    void smallerTrainingSetIsReportedAndNotLed() {
        Article wrong = new Article(pythonInFloat32.config(), mnist) {
            @Override
            Dataset<LabeledImage> dataset(Dataset<LabeledImage> dataset) {
                return new Subset<>(dataset, IntStream.range(0, 12_000).toArray());
            }
        };
        assertThat(compare(wrong, pythonInFloat32))
                .filteredOn(result -> !result.passed())
                .extracting(CheckResult::name)
                .startsWith("split", "initial parameters");
    }

    private static Trace.Epoch withLoss(Trace.Epoch epoch, int batch, double more) {
        List<Double> losses = new ArrayList<>(epoch.trainLosses());
        losses.set(batch, losses.get(batch) + more);
        return new Trace.Epoch(
                epoch.epoch(),
                epoch.lr(),
                epoch.batchOrderSha256(),
                epoch.batchOrderHead(),
                losses,
                epoch.valLoss(),
                epoch.valAcc(),
                epoch.line());
    }

    private static Trace withEpochs(Trace trace, List<Trace.Epoch> epochs) {
        return new Trace(
                trace.schema(),
                trace.producer(),
                trace.config(),
                trace.split(),
                trace.initialParameters(),
                trace.before(),
                epochs,
                trace.finalParameters(),
                trace.optimizerState(),
                trace.nextInt64());
    }

    @Test
    void weightThatIsOverwrittenInMidRunIsNoReluForkInFloat32() {
        Article wrong = new Article(pythonInFloat32.config(), mnist);
        List<CheckResult> results = compare(wrong, pythonInFloat32, new Hit(300));
        assertThat(results).filteredOn(result -> !result.passed()).first().satisfies(result -> {
            assertThat(result.name()).isEqualTo("step losses");
            assertThat(result.detail()).contains("step 301", "something besides this training");
        });
    }

    private static Optional<String> firstDivergence(Article article) {
        return compare(article, python).stream()
                .filter(result -> !result.passed())
                .findFirst()
                .map(CheckResult::name);
    }

    private static List<CheckResult> compare(Article article, Trace expected) {
        return compare(article, expected, new RunListener() {});
    }

    /** @param first listens before the others */
    private static List<CheckResult> compare(Article article, Trace expected, RunListener first) {
        TraceRecorder recorder = new TraceRecorder(expected.config());
        try (Device cpu = Devices.of("cpu");
                ForkFollower follower = new ForkFollower(expected, expected.config(), cpu, recorder)) {
            article.run(first, recorder, follower);
            return TraceComparison.compare(expected, recorder.trace(), follower.report());
        }
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
