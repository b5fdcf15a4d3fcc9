package io.github.mnistlibtorch.tutorial;

import static io.github.mnistlibtorch.torch.data.RandomSplit.randomSplit;
import static io.github.mnistlibtorch.tutorial.Devices.getDefaultDevice;
import static io.github.mnistlibtorch.tutorial.Devices.toDevice;
import static io.github.mnistlibtorch.tutorial.Training.evaluate;
import static io.github.mnistlibtorch.tutorial.Training.fit;

import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.plot.AccuracyPlot;
import io.github.mnistlibtorch.torch.plot.LossPlot;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.Grid;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * "Training Deep Neural Networks on a GPU with PyTorch", cell by cell; the Java notebook is generated from it. The order of the cells
 * is part of the result: every new model and every pass over a loader draws from the one random stream.
 */
public final class MnistTutorial {
    private MnistTutorial() {}

    /** @param arguments the folder for the pictures and the weights; {@code mnist-tutorial} if there are none */
    public static void main(String... arguments) throws IOException {
        LibTorch.start();
        Path folder = Files.createDirectories(Path.of(arguments.length == 0 ? "mnist-tutorial" : arguments[0]));
        // %% The seed decides every random draw: split, weights, order of the batches (`TorchRandom`).
        TorchRandom.manualSeed(42);

        // %% ## Step 1: the data
        // `Mnist` has 60,000 examples: images (1, 28, 28) with values from 0 to 1, and labels.
        var dataset = Mnist.bundled(Mnist.Split.TRAIN);

        // %% The model never trains on the 10,000 that are held out: they tell how well it has learned.
        int valSize = 10_000;
        var parts = randomSplit(dataset, dataset.size() - valSize, valSize);
        var trainDs = parts.get(0);
        var valDs = parts.get(1);
        System.out.printf("(%d, %d)%n", trainDs.size(), valDs.size());

        // %% A `DataLoader` makes batches, in a new order each epoch, on threads of its own, in pinned memory.
        int batchSize = 128;
        var trainBatches = DataLoader.of(trainDs)
                .batchSize(batchSize)
                .shuffle(true)
                .numWorkers(4)
                .pinMemory(true)
                .build();
        var valBatches = DataLoader.of(valDs)
                .batchSize(batchSize * 2)
                .numWorkers(4)
                .pinMemory(true)
                .build();

        // %% A first look. Leaving the `try` frees the batches. `Grid` is `make_grid` and `save_image`.
        try (var batches = trainBatches.iterator()) {
            var images = batches.next().images();
            System.out.println("images.shape: " + PythonRepr.size(images));
            Grid.saveImage(images, folder.resolve("batch.png"), /* nrow= */ 16);
        }

        // %% ## Step 2: the model
        // `MnistModel` has one hidden layer, and from `ImageClassificationBase` what `fit` asks of it.
        int inputSize = 784;
        int hiddenSize = 32; // you can change this
        int numClasses = 10;

        // %% The parameters of a first model. A `TensorScope` frees the tensors that are made between its braces.
        try (var model = new MnistModel(inputSize, hiddenSize, numClasses);
                var scope = TensorScope.open()) {
            StateDict.of(model).values().forEach(t -> System.out.println(PythonRepr.size(t)));
        }

        // %% ## Step 3: training and evaluation, on a GPU if there is one
        // `Devices` has the article's functions.
        var device = getDefaultDevice();
        System.out.println(PythonRepr.repr(device));

        // %% Model and batch must be on the same device. `toDevice` moves tensors, batches and models.
        try (var batches = trainBatches.iterator();
                var scope = TensorScope.open()) {
            var images = batches.next().images();
            System.out.println(PythonRepr.size(images));
            System.out.println(PythonRepr.str(toDevice(images, device).device()));
        }

        // %% A `DeviceDataLoader` moves each batch when the loop asks for it, on a GPU one ahead.
        var trainLoader = new DeviceDataLoader(trainBatches, device);
        var valLoader = new DeviceDataLoader(valBatches, device);

        // %% `Training` has `evaluate` and `fit`, which come to one `EpochResult` for each epoch.
        List<EpochResult> history = new ArrayList<>();

        // %% With random weights the model guesses: one answer in ten is right.
        var model = toDevice(new MnistModel(inputSize, hiddenSize, numClasses), device);
        history.add(evaluate(model, valLoader));
        System.out.println(history);

        // %% Five epochs with a high learning rate: long steps, which learn fast and unsteadily.
        history.addAll(fit(5, 0.5, model, trainLoader, valLoader));

        // %% Five more with a lower one, which settle down.
        history.addAll(fit(5, 0.1, model, trainLoader, valLoader));

        // %% ## The result
        // `LossPlot` and `AccuracyPlot` draw the article's two plots.
        LossPlot.write(folder.resolve("loss.png"), History.valLosses(history));

        // %%
        AccuracyPlot.write(folder.resolve("accuracy.png"), History.valAccs(history));

        // %% The accuracy after ten epochs; the weights go into a file that `torch.load` reads.
        System.out.println("val_acc: " + PythonRepr.fixed(history.get(10).valAcc(), 4));
        StateDict.save(model, folder.resolve("model.pt"));
        model.close();
    }
}
