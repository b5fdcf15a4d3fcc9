package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.RandomSplit;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.DeviceDataLoader;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.Training;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code evaluate}: loss and accuracy of saved weights. */
@Command(
        name = "evaluate",
        description = "Print loss and accuracy of saved weights.",
        footerHeading = "%nExamples:%n",
        footer = {"  mnist-libtorch evaluate --model mnist-run/model.pt --split test"})
final class EvaluateCommand implements Callable<Integer> {
    /** Which pictures to evaluate with; the names are the values of the option. */
    enum Part {
        val,
        test
    }

    @Option(
            names = "--model",
            paramLabel = "FILE",
            required = true,
            converter = Converters.OfPath.class,
            description =
                    "Weights, in the safetensors format or as torch.save writes them: mnist-run/model.pt, for example.")
    private Path model = Path.of("");

    @Option(
            names = "--split",
            paramLabel = "PART",
            defaultValue = "val",
            description = "val: the pictures that train with this --seed and --val-size held out;"
                    + " test: those of the test set. Default: ${DEFAULT-VALUE}.")
    private Part part = Part.val;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "42",
            converter = Converters.OfSeed.class,
            description = "The seed of the training: with another one, val holds pictures that it has trained on."
                    + " Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--val-size",
            paramLabel = "N",
            defaultValue = "10000",
            converter = Converters.OfSize.class,
            description = "The --val-size of the training. Default: ${DEFAULT-VALUE}.")
    private int valSize;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "256",
            converter = Converters.OfSize.class,
            description = "Examples in a batch; the result is the mean over batches. Default: ${DEFAULT-VALUE}.")
    private int batchSize;

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Mixin
    private DataOption dataOption = new DataOption();

    @Override
    public Integer call() throws IOException {
        Mnist mnist = dataOption.load(part == Part.test ? Mnist.Split.TEST : Mnist.Split.TRAIN);
        Device device = deviceOption.start();
        try (ImageClassificationBase network = MnistModels.load(model)) {
            Devices.toDevice(network, device);
            DataLoader<Batch> loader =
                    DataLoader.of(pictures(mnist)).batchSize(batchSize).build();
            System.out.println(
                    Training.evaluate(network, new DeviceDataLoader(loader, device, MnistModels.dtype(network))));
        }
        return 0;
    }

    private Dataset<LabeledImage> pictures(Mnist mnist) throws InputException {
        if (part == Part.test) {
            return mnist;
        }
        if (valSize > mnist.size()) {
            throw new InputException("the training set has " + mnist.size() + " pictures, not the " + valSize
                    + " to hold out; choose a smaller --val-size");
        }
        TorchRandom.manualSeed(seed);
        return RandomSplit.randomSplit(mnist, mnist.size() - valSize, valSize).get(1);
    }
}
