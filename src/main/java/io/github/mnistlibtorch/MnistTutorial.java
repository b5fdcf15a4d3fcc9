package io.github.mnistlibtorch;

import static io.github.mnistlibtorch.data.RandomSplit.randomSplit;
import static io.github.mnistlibtorch.device.Devices.toDevice;
import static io.github.mnistlibtorch.train.Training.evaluate;
import static io.github.mnistlibtorch.train.Training.fit;

import io.github.mnistlibtorch.data.Batch;
import io.github.mnistlibtorch.data.DataLoader;
import io.github.mnistlibtorch.data.Dataset;
import io.github.mnistlibtorch.data.Example;
import io.github.mnistlibtorch.data.Subset;
import io.github.mnistlibtorch.device.DeviceDataLoader;
import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.io.PtFile;
import io.github.mnistlibtorch.io.Safetensors;
import io.github.mnistlibtorch.libtorch.PythonFormat;
import io.github.mnistlibtorch.libtorch.Scope;
import io.github.mnistlibtorch.libtorch.TorchRandom;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.model.StateDict;
import io.github.mnistlibtorch.plot.AccuracyPlot;
import io.github.mnistlibtorch.plot.LossPlot;
import io.github.mnistlibtorch.train.Checkpoint;
import io.github.mnistlibtorch.train.History;
import io.github.mnistlibtorch.train.OptimizerFactory;
import io.github.mnistlibtorch.train.Phase;
import io.github.mnistlibtorch.train.Replicas;
import io.github.mnistlibtorch.train.RunListener;
import io.github.mnistlibtorch.train.TrainLosses;
import io.github.mnistlibtorch.vision.Grid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * "Training Deep Neural Networks on a GPU with PyTorch", top to bottom: read it with the article in the other hand.
 *
 * <p>The order of the cells is part of the result. Every pass over a loader and every model, thrown away or not,
 * draws from the one random stream; a cell more or less, and the weights and batches are others.
 *
 * <p>With the article's values it ends at about 96 % validation accuracy.
 */
public final class MnistTutorial {
    /** Pixels of a picture, 28 × 28. */
    public static final int INPUT_SIZE = 784;

    /** The ten digits. */
    public static final int NUM_CLASSES = 10;

    /** What a run writes into its folder; {@code train} adds checkpoints. */
    public static final List<String> FILES =
            List.of("batch.png", "loss.png", "accuracy.png", "history.json", "model.pt", "model.safetensors");

    private MnistTutorial() {}

    /**
     * What the article lets its reader change.
     *
     * @param seed of every random draw: {@code torch.manual_seed(seed)}
     * @param valSize examples held out for validation
     * @param batchSize examples in a training batch; validation batches are twice as large
     * @param hiddenSizes units of each hidden layer; the article has one
     * @param numWorkers threads of each loader; 0 loads on the training thread
     * @param device where model and batches are; it stays the caller's
     * @param dtype what to compute in: float32, or float64 with weights that are drawn in float32 and widened
     * @param optimizer makes the optimizer of each call of {@code fit}
     * @param schedule the calls of {@code fit}, in order
     */
    public record Settings(
            long seed,
            int valSize,
            int batchSize,
            List<Integer> hiddenSizes,
            int numWorkers,
            Device device,
            ScalarType dtype,
            OptimizerFactory optimizer,
            List<Phase> schedule) {}

    /**
     * Runs the article; prints what its notebook prints.
     *
     * @param dataset labelled pictures of 28 × 28 pixels, 10 classes
     * @param out an existing folder for {@code batch.png}, {@code loss.png}, {@code accuracy.png},
     *     {@code history.json}, {@code model.pt} and {@code model.safetensors}; nothing is written if it is {@code null}
     * @param observer is told how the run goes
     * @return the evaluation before training and after each epoch
     * @throws IOException if a file cannot be written
     */
    public static List<EpochResult> run(
            Dataset<Example> dataset, Settings settings, @Nullable Path out, RunListener observer) throws IOException {
        return run(dataset, settings, out, observer, null, Replicas.ONE);
    }

    /**
     * Runs the article, the epochs of a checkpoint excepted: prints what a run prints that was not interrupted, and ends
     * like one.
     *
     * @param dataset the same as that of the checkpoint; likewise the settings, number of workers excepted
     * @param resume where to go on; the whole article if it is {@code null}
     * @param replicas the processes that run it together; each takes batches of {@code batchSize} examples
     * @throws InputException if the checkpoint is not of this model and optimizer
     * @throws IOException if a file cannot be written
     */
    public static List<EpochResult> run(
            Dataset<Example> dataset,
            Settings settings,
            @Nullable Path out,
            RunListener observer,
            @Nullable Checkpoint resume,
            Replicas replicas)
            throws IOException {
        TrainLosses trainLosses = new TrainLosses();
        RunListener listener = trainLosses.and(observer);
        TorchRandom.manualSeed(settings.seed());

        // Step 1: explore and prepare the data
        int valSize = settings.valSize();
        int trainSize = dataset.size() - valSize;
        List<Subset<Example>> parts = randomSplit(dataset, trainSize, valSize);
        Subset<Example> trainDs = parts.get(0);
        Subset<Example> valDs = parts.get(1);
        System.out.println("(" + trainDs.size() + ", " + valDs.size() + ")");
        listener.split(trainDs, valDs);

        int batchSize = settings.batchSize();
        int numWorkers = settings.numWorkers();
        DataLoader<Batch> trainLoader = DataLoader.of(trainDs)
                .batchSize(batchSize)
                .sampler(replicas.trainOrder(trainDs.size()))
                .numWorkers(numWorkers)
                .pinMemory(true)
                .onIndices(listener::batchPulled)
                .build();
        DataLoader<Batch> valLoader = DataLoader.of(valDs)
                .batchSize(batchSize * 2)
                .sampler(replicas.valOrder(valDs.size(), batchSize * 2))
                .numWorkers(numWorkers)
                .pinMemory(true)
                .build();

        try (var batches = trainLoader.iterator()) {
            Tensor images = batches.next().images();
            System.out.println("images.shape: " + PythonFormat.size(images));
            if (out != null) {
                Grid.saveImage(
                        images,
                        out.resolve("batch.png"),
                        Grid.Options.defaults().withNrow(16));
            }
        }

        // Step 2: prepare the model
        List<Integer> hiddenSizes = settings.hiddenSizes();
        try (MnistModel model = new MnistModel(INPUT_SIZE, hiddenSizes, NUM_CLASSES)) {
            printShapes(model);
        }

        // Step 3: train on the GPU, if there is one, and evaluate
        Device device = settings.device();
        System.out.println(PythonFormat.repr(device));

        try (var batches = trainLoader.iterator();
                Scope scope = Scope.open()) {
            Tensor images = batches.next().images();
            System.out.println(PythonFormat.size(images));
            images = toDevice(images, device);
            System.out.println(PythonFormat.str(images.device()));
        }

        DeviceDataLoader deviceTrainLoader = new DeviceDataLoader(trainLoader, device, settings.dtype());
        DeviceDataLoader deviceValLoader = new DeviceDataLoader(valLoader, device, settings.dtype());

        List<EpochResult> history = new ArrayList<>();
        try (MnistModel model = new MnistModel(INPUT_SIZE, hiddenSizes, NUM_CLASSES)) {
            listener.modelDrawn(model);
            toDevice(model, device);
            model.to(settings.dtype(), /* non_blocking= */ true);

            if (resume == null) {
                replicas.begin(model, /* epochsDone= */ 0);
                history.add(evaluate(model, deviceValLoader, replicas));
                System.out.println(history);
                listener.evaluated(history.get(0));

                for (Phase phase : settings.schedule()) {
                    history.addAll(fit(
                            /* firstEpoch= */ 0,
                            phase.epochs(),
                            phase.lr(),
                            model,
                            deviceTrainLoader,
                            deviceValLoader,
                            settings.optimizer(),
                            listener,
                            replicas));
                }
            } else {
                history.addAll(goOn(resume, model, deviceTrainLoader, deviceValLoader, settings, listener, replicas));
            }
            listener.finished(model);
            if (out != null) {
                save(model, history, trainLosses.means(), out);
            }
        }

        EpochResult last = history.get(history.size() - 1);
        System.out.println("val_acc: " + PythonFormat.fixed(last.valAcc(), 4));
        return history;
    }

    /** The rest of the training, in place of all of it; the epochs that are done are printed, not trained, again. */
    private static List<EpochResult> goOn(
            Checkpoint resume,
            MnistModel model,
            DeviceDataLoader trainLoader,
            DeviceDataLoader valLoader,
            Settings settings,
            RunListener listener,
            Replicas replicas)
            throws InputException {
        resume.restore(model);
        replicas.begin(model, resume.epochs());
        List<EpochResult> history = new ArrayList<>(resume.history());
        System.out.println(history.subList(0, 1));
        listener.resumed(resume);

        Iterator<EpochResult> done = resume.history().listIterator(1);
        for (Phase phase : settings.schedule()) {
            int firstEpoch = 0;
            while (firstEpoch < phase.epochs() && done.hasNext()) {
                model.epochEnd(firstEpoch++, done.next());
            }
            if (firstEpoch < phase.epochs()) {
                history.addAll(fit(
                        firstEpoch,
                        phase.epochs(),
                        phase.lr(),
                        model,
                        trainLoader,
                        valLoader,
                        firstEpoch == 0 ? settings.optimizer() : resume.restoring(settings.optimizer()),
                        listener,
                        replicas));
            }
        }
        return history;
    }

    /** {@code for t in model.parameters(): print(t.shape)}. */
    private static void printShapes(MnistModel model) {
        try (Scope scope = Scope.open()) {
            StateDict.of(model).values().forEach(t -> System.out.println(PythonFormat.size(t)));
        }
    }

    private static void save(MnistModel model, List<EpochResult> history, List<Double> trainLosses, Path out)
            throws IOException {
        // What took longest to make goes first: a picture that fails loses nothing.
        try (Scope scope = Scope.open()) {
            Map<String, Tensor> stateDict = StateDict.of(model);
            PtFile.write(out.resolve("model.pt"), stateDict);
            Safetensors.write(out.resolve("model.safetensors"), stateDict, Map.of("format", "pt"));
        }
        History.write(out.resolve("history.json"), history);
        LossPlot.write(
                out.resolve("loss.png"),
                history.stream().map(EpochResult::valLoss).toList(),
                trainLosses);
        AccuracyPlot.write(
                out.resolve("accuracy.png"),
                history.stream().map(EpochResult::valAcc).toList());
    }
}
