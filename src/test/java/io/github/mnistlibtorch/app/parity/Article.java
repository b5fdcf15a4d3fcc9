package io.github.mnistlibtorch.app.parity;

import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.RandomSplit;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.tutorial.DeviceDataLoader;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.Training;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The cells of the article once more, on the CPU: each is a method that a test can get wrong. */
class Article {
    private final RunConfig config;
    private final Dataset<LabeledImage> mnist;

    Article(RunConfig config, Dataset<LabeledImage> mnist) {
        this.config = config;
        this.mnist = mnist;
    }

    /** Tells the listeners of it in their order. */
    final void run(RunListener... listeners) {
        TorchRandom.manualSeed(config.seed());
        Dataset<LabeledImage> dataset = dataset(mnist);
        List<Subset<LabeledImage>> parts =
                RandomSplit.randomSplit(dataset, dataset.size() - config.valSize(), config.valSize());
        tell(listeners, listener -> listener.onSplit(parts.get(0), parts.get(1)));
        DataLoader<Batch> trainLoader = trainLoader(
                        DataLoader.of(parts.get(0)).batchSize(config.batchSize()), parts.get(0))
                .onIndices(positions -> tell(listeners, listener -> listener.onBatchSampled(positions)))
                .build();
        DataLoader<Batch> valLoader = valLoader(DataLoader.of(parts.get(1)).batchSize(config.valBatchSize()))
                .build();

        firstPeek(trainLoader);
        model(config.hiddenSizes().get(0)).close();
        secondPeek(trainLoader);
        try (Device cpu = Devices.of("cpu");
                MnistModel model = model(config.hiddenSizes().get(0))) {
            tell(listeners, listener -> listener.onModelCreated(model));
            ScalarType dtype = config.dtype().equals("float64") ? ScalarType.Double : ScalarType.Float;
            model.to(dtype, /* non_blocking= */ false);
            DeviceDataLoader train = new DeviceDataLoader(trainLoader, cpu, dtype);
            DeviceDataLoader val = new DeviceDataLoader(valLoader, cpu, dtype);
            TrainingState training = new TrainingState(listeners);
            training.resume(List.of(Training.evaluate(model, val)), List.of(), 0);
            tell(listeners, listener -> listener.onTrainingStart(training, /* resumed= */ false));
            for (Phase phase : config.schedule()) {
                Training.fit(phase.epochs(), learningRate(phase), model, train, val, OptimizerFactory.SGD, training);
            }
            tell(listeners, listener -> listener.onRunEnd(model));
        }
    }

    private static void tell(RunListener[] listeners, Consumer<RunListener> what) {
        Arrays.asList(listeners).forEach(what);
    }

    Dataset<LabeledImage> dataset(Dataset<LabeledImage> dataset) {
        return dataset;
    }

    DataLoader.Builder<Batch> trainLoader(DataLoader.Builder<Batch> builder, Subset<LabeledImage> train) {
        return builder.shuffle(true);
    }

    DataLoader.Builder<Batch> valLoader(DataLoader.Builder<Batch> builder) {
        return builder;
    }

    void firstPeek(DataLoader<Batch> loader) {
        peek(loader);
    }

    void secondPeek(DataLoader<Batch> loader) {
        peek(loader);
    }

    MnistModel model(int hiddenSize) {
        return new MnistModel(784, hiddenSize, 10);
    }

    double learningRate(Phase phase) {
        return phase.lr();
    }

    private static void peek(DataLoader<Batch> loader) {
        try (var batches = loader.iterator();
                TensorScope scope = TensorScope.open()) {
            batches.next();
        }
    }
}
