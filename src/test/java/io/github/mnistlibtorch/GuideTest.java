package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.RandomSplit;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.DeviceDataLoader;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.Training;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The Java lines of docs/tutorial.md and of the README, run; each stands between two comments. */
@ExtendWith(LibTorchExtension.class)
class GuideTest {
    private static Dataset<LabeledImage> dataset;

    private final PrintStream console = System.out;
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private TensorScope scope;
    private MnistModel model;
    private Batch batch;
    private Subset<LabeledImage> trainDs;

    @BeforeAll
    static void start() {
        dataset = Mnist.bundled(Mnist.Split.TRAIN);
    }

    @BeforeEach
    void open() {
        System.setOut(new PrintStream(printed, true, UTF_8));
        TorchRandom.manualSeed(42);
        model = new MnistModel(784, 32, 10);
        trainDs = new Subset<>(dataset, IntStream.range(0, 1000).toArray());
        scope = TensorScope.open();
        batch = new Batch(torch.rand(4, 1, 28, 28), torch.arange(new Scalar(4)));
    }

    @AfterEach
    void close() {
        System.setOut(console);
        scope.close();
        model.close();
    }

    @Test
    void tensor() {
        // guide: tensor
        Tensor x = torch.tensor(1f, 2f, 3f, 4f).view(2, 2);
        Tensor y = x.mm(x.t()).add(new Scalar(1));
        System.out.println(PythonRepr.size(y) + " " + y.get(0).get(1).item_float());
        // end
        assertThat(printed()).isEqualTo("torch.Size([2, 2]) 12.0");
    }

    @Test
    void datasetAndSplit() {
        // guide: dataset
        Dataset<LabeledImage> dataset = Mnist.bundled(Mnist.Split.TRAIN);
        LabeledImage example = dataset.get(0);
        System.out.println(PythonRepr.size(example.image()) + " " + example.label() + " " + dataset.size());
        // end
        assertThat(printed()).isEqualTo("torch.Size([1, 28, 28]) 5 60000");
        // guide: split
        TorchRandom.manualSeed(42);
        List<Subset<LabeledImage>> parts = RandomSplit.randomSplit(dataset, 50_000, 10_000);
        Subset<LabeledImage> trainDs = parts.get(0);
        Subset<LabeledImage> valDs = parts.get(1);
        // end
        assertThat(trainDs.size()).isEqualTo(50_000);
        assertThat(valDs.size()).isEqualTo(10_000);
    }

    @Test
    void loader() {
        long pictures = 0;
        // guide: loader
        DataLoader<Batch> loader = DataLoader.of(trainDs)
                .batchSize(128)
                .shuffle(true)
                .numWorkers(4)
                .build();
        for (Batch batch : loader) {
            pictures += batch.images().size(0);
        }
        // end
        assertThat(pictures).isEqualTo(1000);
    }

    @Test
    void pinnedMemory() {
        Device device = Devices.of("cpu");
        // guide: pinned
        DataLoader<Batch> pinned =
                DataLoader.of(trainDs).batchSize(128).pinMemory(true).build();
        DeviceDataLoader onDevice = new DeviceDataLoader(pinned, device);
        // end
        assertThat(onDevice).hasSize(8);
    }

    @Test
    void module() {
        // guide: module
        class TwoLayers extends Module {
            final LinearImpl linear1;
            final LinearImpl linear2;

            TwoLayers(int inSize, int hiddenSize, int outSize) {
                linear1 = register_module("linear1", new LinearImpl(inSize, hiddenSize));
                linear2 = register_module("linear2", new LinearImpl(hiddenSize, outSize));
            }

            Tensor forward(Tensor xb) {
                return linear2.forward(torch.relu(linear1.forward(xb.view(xb.size(0), -1))));
            }
        }
        // end
        try (TwoLayers two = new TwoLayers(784, 32, 10)) {
            assertThat(two.forward(batch.images()).shape()).containsExactly(4, 10);
            assertThat(StateDict.of(two)).containsOnlyKeys(StateDict.of(model).keySet());
            two.linear1.close();
            two.linear2.close();
        }
    }

    @Test
    void parameters() {
        // guide: parameters
        StateDict.of(model).forEach((name, parameter) -> System.out.println(name + " " + PythonRepr.size(parameter)));
        // end
        assertThat(printed())
                .startsWith("linear1.weight torch.Size([32, 784])")
                .contains("linear2.bias torch.Size([10])");
    }

    @Test
    void autogradAndOptimizer() {
        // guide: autograd
        Tensor loss = model.trainingStep(batch);
        loss.backward();
        Tensor slope = model.parameters().get(0).grad();
        // end
        assertThat(slope.shape()).containsExactly(32, 784);
        Tensor before = model.parameters().get(0).clone();
        // guide: optimizer
        try (TensorVector parameters = model.parameters();
                Optimizer optimizer = OptimizerFactory.SGD.create(parameters, 0.5)) {
            optimizer.step();
            optimizer.zero_grad();
        }
        // end
        assertThat(model.parameters().get(0).equal(before)).isFalse();
    }

    @Test
    void loss() {
        // guide: loss
        Tensor crossEntropy = torch.cross_entropy(model.forward(batch.images()), batch.labels());
        // end
        assertThat(crossEntropy.item_double())
                .isEqualTo(model.trainingStep(batch).item_double());
    }

    @Test
    void device() {
        // guide: device
        Device device = Devices.getDefaultDevice();
        Devices.toDevice(model, device);
        // end
        assertThat(model.parameters().get(0).device().type().intern())
                .isEqualTo(device.type().intern());
    }

    @Test
    void evaluation() {
        DataLoader<Batch> valLoader = DataLoader.of(trainDs).batchSize(256).build();
        // guide: evaluation
        EpochResult result = Training.evaluate(model, valLoader);
        System.out.println(result.valAcc());
        // end
        assertThat(printed()).isEqualTo(Double.toString(result.valAcc()));
    }

    /** 100 pictures are soon known by heart; what the others cost goes up, or stays, but does not come near. */
    @Test
    void overfitting() {
        DataLoader<Batch> fewPictures = DataLoader.of(
                        new Subset<>(dataset, IntStream.range(0, 100).toArray()))
                .batchSize(10)
                .shuffle(true)
                .build();
        DataLoader<Batch> valLoader = DataLoader.of(trainDs).batchSize(256).build();
        // guide: overfitting
        List<EpochResult> history = Training.fit(5, 0.5, model, fewPictures, valLoader);
        List<Double> valLosses = history.stream().map(EpochResult::valLoss).toList();
        // end
        Training.fit(20, 0.5, model, fewPictures, valLoader);
        double known = Training.evaluate(model, fewPictures).valLoss();
        assertThat(known).isLessThan(0.05);
        assertThat(valLosses).hasSize(5).allMatch(loss -> loss > 10 * known);
    }

    @Test
    void theGuideShowsTheseLines() throws IOException {
        String source = Files.readString(Path.of("src/test/java/io/github/mnistlibtorch/GuideTest.java"), UTF_8);
        List<String> tested = Pattern.compile("(?ms)^( *)// guide: \\w+\n(.*?)^ *// end$")
                .matcher(source)
                .results()
                .map(region -> region.group(2).replaceAll("(?m)^" + region.group(1), ""))
                .toList();
        String guide = Files.readString(Path.of("docs/tutorial.md"), UTF_8);
        assertThat(guide.split("```python\n", -1)).hasSize(13 + 1);
        assertThat(Pattern.compile("(?s)```java\n(.*?)```").matcher(guide).results())
                .extracting(block -> block.group(1))
                .containsExactlyInAnyOrderElementsOf(tested);
    }

    /** The README's model is that of a program that runs. */
    @Test
    void theReadmeShowsAModelThatIsTrained() throws IOException {
        String readme = Files.readString(Path.of("README.md"), UTF_8);
        String stranger = Files.readString(Path.of("src/test/resources/stranger/Stranger.java"), UTF_8);
        String shown = readme.substring(readme.indexOf("final class Net "));
        shown = shown.substring(0, shown.indexOf("\n}\n") + 2);
        assertThat(stranger.replaceAll("(?m)^ {4}", "").replace("static final class", "final class"))
                .contains(shown);
    }

    private String printed() {
        return printed.toString(UTF_8).strip();
    }
}
