package io.github.mnistlibtorch.tutorial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.Safetensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.BatchNorm2dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.DropoutImpl;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Models with more than linear layers: convolutions, batch normalization, dropout, layers in layers. */
@ExtendWith(LibTorchExtension.class)
class LayersTest {
    private static Mnist mnist;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
    }

    /** Like the models that people write: its first layers are a module of their own. */
    private static final class Net extends ImageClassificationBase {
        private final Module features = register_module("features", new Module());
        private final Conv2dImpl conv;
        private final BatchNorm2dImpl norm;
        private final DropoutImpl dropout = register_module("dropout", new DropoutImpl(0.5));
        private final LinearImpl linear = register_module("linear", new LinearImpl(4 * 13 * 13, 10));

        Net() {
            try (LongPointer kernelSize = new LongPointer(3, 3);
                    BatchNormOptions options = new BatchNormOptions(4)) {
                conv = features.register_module("conv", new Conv2dImpl(1, 4, kernelSize));
                norm = features.register_module("norm", new BatchNorm2dImpl(options));
            }
            printTo(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
        }

        @Override
        public Tensor forward(Tensor xb) {
            Tensor out = torch.max_pool2d(torch.relu(norm.forward(conv.forward(xb))), 2, 2);
            return linear.forward(dropout.forward(out.flatten(1, -1)));
        }

        @Override
        public void close() {
            conv.close();
            norm.close();
            super.close();
        }
    }

    /** As {@code list(model.state_dict())} has them in Python. */
    @Test
    void stateDictHasTheBuffersInPythonsOrder() {
        try (Net net = new Net();
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> dict = StateDict.of(net);
            assertThat(dict.keySet())
                    .containsExactly(
                            "features.conv.weight",
                            "features.conv.bias",
                            "features.norm.weight",
                            "features.norm.bias",
                            "features.norm.running_mean",
                            "features.norm.running_var",
                            "features.norm.num_batches_tracked",
                            "linear.weight",
                            "linear.bias");
            assertThat(dict.get("features.norm.num_batches_tracked"))
                    .satisfies(count -> assertThat(count.scalar_type().intern()).isEqualTo(ScalarType.Long));
            assertThat(StateDict.parameters(net).keySet())
                    .doesNotContain("features.norm.running_mean")
                    .hasSize(6);
        }
    }

    /** Without its buffers, a model with batch normalization is another one. */
    @Test
    void trainedModelIsTheSameAfterItWasSavedAndLoaded() throws IOException {
        TorchRandom.manualSeed(1);
        DataLoader<Batch> trainLoader = loader(0, 2000, 50);
        DataLoader<Batch> valLoader = loader(2000, 2500, 100);
        Path pt = folder.resolve("net.pt");
        Path safetensors = folder.resolve("net.safetensors");
        try (Net net = new Net();
                TensorScope scope = TensorScope.open()) {
            List<EpochResult> history = Training.fit(1, 1e-3, net, trainLoader, valLoader, OptimizerFactory.ADAM);
            EpochResult trained = history.get(0);
            assertThat(trained.valAcc()).isGreaterThan(0.5);
            StateDict.save(net, pt);
            Safetensors.write(safetensors, StateDict.of(net), Map.of());
            for (Path file : List.of(pt, safetensors)) {
                try (Net other = new Net()) {
                    StateDict.load(other, file);
                    assertThat(Training.evaluate(other, valLoader)).isEqualTo(trained);
                    assertThat(StateDict.of(other).get("features.norm.num_batches_tracked"))
                            .satisfies(count -> assertThat(count.item_long()).isEqualTo(40));
                }
            }
        }
    }

    @Test
    void weightsWithoutBuffersAreRefused() {
        try (Net net = new Net();
                TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> parameters = StateDict.parameters(net);
            assertThatThrownBy(() -> StateDict.load(net, parameters, Path.of("weights.pt")))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("it lacks \"features.norm.running_mean\"");
        }
    }

    /** {@code model.double()}: LibTorch's own would make the count of batches a float64. */
    @Test
    void countsStayCountsInFloat64() {
        try (Net net = new Net();
                TensorScope scope = TensorScope.open()) {
            Devices.toDtype(net, ScalarType.Double);
            StateDict.of(net)
                    .forEach((name, tensor) -> assertThat(tensor.scalar_type().intern())
                            .as(name)
                            .isEqualTo(name.endsWith("num_batches_tracked") ? ScalarType.Long : ScalarType.Double));
            Batch batch = Batch.of(mnist, IntStream.range(0, 8).toArray());
            net.train(true);
            net.trainingStep(new Batch(batch.images().to(ScalarType.Double), batch.labels()))
                    .backward();
            assertThat(StateDict.of(net).get("features.norm.num_batches_tracked"))
                    .satisfies(count -> assertThat(count.item_long()).isEqualTo(1));
        }
    }

    /** In training dropout draws and statistics move; in an evaluation neither. */
    @Test
    void evaluationIsTheSameEachTime() {
        DataLoader<Batch> valLoader = loader(0, 100, 50);
        try (Net net = new Net();
                TensorScope scope = TensorScope.open()) {
            net.train(true);
            Tensor images = mnist.get(0).image().unsqueeze(0);
            assertThat(net.forward(images).equal(net.forward(images))).isFalse();
            EpochResult first = Training.evaluate(net, valLoader);
            assertThat(net.is_training()).isFalse();
            assertThat(net.dropout.is_training()).isFalse();
            assertThat(Training.evaluate(net, valLoader)).isEqualTo(first);
            Training.fit(1, 0.1, net, valLoader, valLoader);
            assertThat(StateDict.of(net).get("features.norm.num_batches_tracked"))
                    .satisfies(count -> assertThat(count.item_long()).isEqualTo(2 + 2));
        }
    }

    @Test
    void closedModelsLeaveNoPointerBehind() {
        useOnce();
        long before = LeakCheck.settled();
        for (int i = 0; i < 5; i++) {
            useOnce();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    private static void useOnce() {
        DataLoader<Batch> loader = loader(0, 40, 20);
        try (MnistCnn cnn = new MnistCnn(10);
                TensorScope scope = TensorScope.open()) {
            cnn.printTo(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
            Training.fit(2, 0.01, cnn, loader, loader, OptimizerFactory.ADAM);
            StateDict.of(Devices.toDtype(cnn, ScalarType.Double));
        }
    }

    @Test
    void convolutionalModelComesBackInBothFormatsAndDtypes() throws IOException {
        for (ScalarType dtype : List.of(ScalarType.Float, ScalarType.Double)) {
            try (MnistCnn cnn = Devices.toDtype(new MnistCnn(10), dtype);
                    TensorScope scope = TensorScope.open()) {
                Path pt = folder.resolve("cnn.pt");
                StateDict.save(cnn, pt);
                Path safetensors = folder.resolve("cnn.safetensors");
                Safetensors.write(safetensors, StateDict.of(cnn), Map.of());
                Tensor images = torch.rand(3, 1, 28, 28).to(dtype);
                Tensor expected = cnn.forward(images);
                assertThat(expected.shape()).containsExactly(3, 10);
                for (Path file : List.of(pt, safetensors)) {
                    try (ImageClassificationBase loaded = MnistModels.load(file)) {
                        assertThat(loaded).isInstanceOf(MnistCnn.class);
                        assertThat(MnistModels.dtype(loaded)).isEqualTo(dtype);
                        assertThat(loaded.forward(images).equal(expected)).isTrue();
                    }
                }
            }
        }
    }

    /** As {@code print} does in Python, where {@code sys.stdout} may be another meanwhile. */
    @Test
    void printsWhereStandardOutputIsThen() {
        PrintStream console = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (MnistCnn cnn = new MnistCnn(10)) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            cnn.epochEnd(3, new EpochResult(0.5, 0.25));
        } finally {
            System.setOut(console);
        }
        assertThat(printed.toString(StandardCharsets.UTF_8)).startsWith("Epoch [3], val_loss: 0.5000, val_acc: 0.2500");
    }

    @Test
    void aNetworkNeedsAHiddenLayer() {
        assertThatThrownBy(() -> new MnistMlp(784, List.of(), 10))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a network without a hidden layer is not the article's");
    }

    @Test
    void namesOfParametersAreThoseOfTheModels() {
        for (List<Integer> hiddenSizes : List.of(List.of(4), List.of(4, 3), List.<Integer>of())) {
            String name = hiddenSizes.isEmpty() ? "cnn" : "mlp";
            try (ImageClassificationBase model = MnistModels.create(name, hiddenSizes);
                    TensorScope scope = TensorScope.open()) {
                assertThat(StateDict.parameters(model).keySet())
                        .containsExactlyElementsOf(MnistModels.parameterNames(name, hiddenSizes));
            }
        }
        assertThatThrownBy(() -> MnistModels.create("rnn", List.of())).hasMessageContaining("[mlp, cnn]");
    }

    private static DataLoader<Batch> loader(int from, int to, int batchSize) {
        return DataLoader.of(new Subset<>(mnist, IntStream.range(from, to).toArray()))
                .batchSize(batchSize)
                .build();
    }
}
