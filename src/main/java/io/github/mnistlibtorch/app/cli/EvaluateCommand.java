package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.RandomSplit;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.ImageFolder;
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
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

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

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Mixin
    private DataOption dataOption = new DataOption();

    private CommandSpec command = CommandSpec.create();

    @Spec
    private void addOptions(CommandSpec own) {
        command = own;
        ConfigOptions.add(
                own,
                "seed",
                "N",
                "42",
                "The seed of the training: with another one, val holds pictures that it has trained on.");
        ConfigOptions.add(own, "val-size", "N", "10000", "The --val-size of the training.");
        ConfigOptions.add(own, "batch-size", "N", "256", "Examples in a batch; the result is the mean over batches.");
    }

    @Override
    public Integer call() throws IOException {
        Device device = deviceOption.start();
        MnistModels.Saved saved = MnistModels.read(model);
        try (ImageClassificationBase network = saved.network()) {
            dataOption.setDefaultSize(saved.images().rows(), saved.images().columns());
            ImageDataset images = dataOption.load(part == Part.test ? Mnist.Split.TEST : Mnist.Split.TRAIN);
            requireFit(saved.images(), images);
            Devices.toDevice(network, device);
            DataLoader<Batch> loader =
                    DataLoader.of(part(images)).batchSize(number("batch-size")).build();
            System.out.println(
                    Training.evaluate(network, new DeviceDataLoader(loader, device, MnistModels.dtype(network))));
        }
        return 0;
    }

    private void requireFit(ImageSpec known, ImageDataset images) throws InputException {
        int inputs = images.channels() * images.rows() * images.columns();
        int classes = images.classes().size();
        if (known.channels() != images.channels()
                || known.inputSize() != inputs
                || known.classes().size() < classes) {
            throw new InputException(PlainText.name(model) + " is a network for pictures of " + known.channels() + " x "
                    + known.rows()
                    + " x " + known.columns() + " pixels and " + known.classes().size() + " classes, but these are "
                    + images.channels() + " x " + images.rows() + " x " + images.columns() + " and " + classes
                    + "; name the --data that it was trained on");
        }
        // A folder's labels are the places of its names, and a model that knows only numbers may have any.
        boolean knowsNames =
                !known.classes().equals(ImageSpec.numbered(known.classes().size()));
        if (images instanceof ImageFolder && knowsNames && !known.classes().equals(images.classes())) {
            throw new InputException(PlainText.name(model) + " has other classes than these folders, which are "
                    + StateDict.few(images.classes()) + " instead of " + StateDict.few(known.classes())
                    + "; make them the same");
        }
    }

    private Dataset<LabeledImage> part(ImageDataset images) throws InputException {
        if (part == Part.test) {
            return images;
        }
        int valSize = number("val-size");
        if (valSize > images.size()) {
            throw new InputException("the training set has " + images.size() + " pictures, not the " + valSize
                    + " to hold out; choose a smaller --val-size");
        }
        TorchRandom.manualSeed(Long.parseLong(ConfigOptions.value(command, "seed")));
        return RandomSplit.randomSplit(images, images.size() - valSize, valSize).get(1);
    }

    private int number(String option) {
        return Integer.parseInt(ConfigOptions.value(command, option));
    }
}
