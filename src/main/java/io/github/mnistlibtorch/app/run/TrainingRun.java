package io.github.mnistlibtorch.app.run;

import static io.github.mnistlibtorch.torch.data.RandomSplit.randomSplit;
import static io.github.mnistlibtorch.tutorial.Devices.toDevice;
import static io.github.mnistlibtorch.tutorial.Training.evaluate;
import static io.github.mnistlibtorch.tutorial.Training.fit;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.distributed.DistributedSampler;
import io.github.mnistlibtorch.torch.distributed.ProcessGroup;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.plot.AccuracyPlot;
import io.github.mnistlibtorch.torch.plot.LossPlot;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.serialization.Safetensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.Grid;
import io.github.mnistlibtorch.tutorial.DeviceDataLoader;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.History;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainableModel;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The article with any configuration: prints what its notebook prints, and draws the random numbers that it draws. It can go on
 * where an earlier run was interrupted, be one of several processes, and write what came of it.
 *
 * <p>{@code MnistTutorial} is the same with the article's configuration, to be read. What is package-private is where tests get a
 * run wrong.
 */
public class TrainingRun {
    /** The weights, of what a run writes into its folder. */
    public static final String MODEL = "model.pt";

    /** What a run writes into its folder. */
    public static final List<String> FILES =
            List.of("batch.png", "loss.png", "accuracy.png", "history.json", MODEL, "model.safetensors");

    private final RunConfig config;
    private final Dataset<LabeledImage> dataset;
    private final Device device;
    private final List<TrainingListener> listeners = new ArrayList<>();
    private PrintStream out = System.out;
    private @Nullable Path folder;
    private @Nullable Checkpoint checkpoint;
    private @Nullable Path init;
    private @Nullable ProcessGroup group;

    /**
     * @param dataset labelled images, of the size and the classes that the configuration has
     * @param device where model and batches are; stays the caller's
     */
    public TrainingRun(RunConfig config, Dataset<LabeledImage> dataset, Device device) {
        this.config = config;
        this.dataset = dataset;
        this.device = device;
    }

    /**
     * Tells listeners, in their order, what {@code fit} does, and those that are a {@link RunListener} all that the run does. A run
     * that may be resumed has none that stops a call of {@code fit} or changes the learning rate: a checkpoint does not say so.
     */
    public TrainingRun listeners(TrainingListener... more) {
        listeners.addAll(List.of(more));
        return this;
    }

    /** Prints there instead of on standard output. */
    public TrainingRun printTo(PrintStream out) {
        this.out = out;
        return this;
    }

    /** Prints nothing. */
    public TrainingRun printNothing() {
        return printTo(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }

    /** Writes {@link #FILES} into a folder that is there. */
    public TrainingRun saveTo(Path folder) {
        this.folder = folder;
        return this;
    }

    /**
     * Goes on where an interrupted run was, and ends like one that was not.
     *
     * @param checkpoint of a run with this configuration on this dataset; stays the caller's. The number of workers may be another,
     *     and the schedule may go on where its own ends
     */
    public TrainingRun resume(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        return this;
    }

    /** Begins with the weights in a file instead of random ones: {@code model.load_state_dict(torch.load(file))}. */
    public TrainingRun initFrom(Path weights) {
        this.init = weights;
        return this;
    }

    /** Makes this one of several processes that train together, of which rank 0 prints; the group stays the caller's. */
    public TrainingRun together(ProcessGroup group) {
        this.group = group;
        return group.rank() == 0 ? this : printNothing();
    }

    /**
     * Runs it.
     *
     * @return the evaluation before training and after each epoch
     * @throws InputException if the checkpoint or the weights to begin with are not of this model and optimizer
     * @throws IOException if a file cannot be written
     */
    public final List<EpochResult> run() throws IOException {
        TorchRandom.manualSeed(config.seed());

        // Step 1: explore and prepare the data
        List<Subset<LabeledImage>> parts = randomSplit(dataset, dataset.size() - config.valSize(), config.valSize());
        Subset<LabeledImage> trainDs = parts.get(0);
        Subset<LabeledImage> valDs = parts.get(1);
        out.println("(" + trainDs.size() + ", " + valDs.size() + ")");
        tell(listener -> listener.onSplit(trainDs, valDs));

        DataLoader<Batch> trainLoader = trainLoader(trainDs).build();
        DataLoader<Batch> valLoader = valLoader(valDs).build();
        peek(trainLoader, images -> {
            out.println("images.shape: " + PythonRepr.size(images));
            if (folder != null) {
                Grid.saveImage(images, folder.resolve("batch.png"), /* nrow= */ 16);
            }
        });

        // Step 2: prepare the model
        try (ImageClassificationBase model = newModel();
                TensorScope scope = TensorScope.open()) {
            StateDict.parameters(model).values().forEach(t -> out.println(PythonRepr.size(t)));
        }

        // Step 3: train on the GPU, if there is one, and evaluate
        out.println(PythonRepr.repr(device));
        peek(trainLoader, images -> {
            out.println(PythonRepr.size(images));
            out.println(PythonRepr.str(toDevice(images, device).device()));
        });

        List<EpochResult> history;
        try (ImageClassificationBase model = newModel()) {
            model.printTo(out);
            tell(listener -> listener.onModelCreated(model));
            Devices.toDtype(toDevice(model, device), config.scalarType());
            if (checkpoint != null) {
                checkpoint.restore(model);
            } else if (init != null) {
                MnistModels.loadInto(model, init);
            }
            TrainingState training = train(
                    model,
                    new DeviceDataLoader(trainLoader, device, config.scalarType()),
                    new DeviceDataLoader(valLoader, device, config.scalarType()));
            history = training.history();
            tell(listener -> listener.onRunEnd(model));
            if (folder != null) {
                save(model, history, training.trainLosses(), folder);
            }
        }
        out.println(
                "val_acc: " + PythonRepr.fixed(history.get(history.size() - 1).valAcc(), 4));
        return history;
    }

    /** What is done with the images of a batch. */
    @FunctionalInterface
    interface Look {
        void at(Tensor images) throws IOException;
    }

    /** Looks at the first batch of a pass, which draws from the random stream as the notebook's does. */
    void peek(DataLoader<Batch> loader, Look look) throws IOException {
        try (var batches = loader.iterator();
                TensorScope scope = TensorScope.open()) {
            look.at(batches.next().images());
        }
    }

    ImageClassificationBase newModel() {
        return config.newModel();
    }

    DataLoader.Builder<Batch> trainLoader(Subset<LabeledImage> trainDs) {
        DataLoader.Builder<Batch> loader = loader(trainDs, config.batchSize())
                .shuffle(group == null)
                .onIndices(positions -> tell(listener -> listener.onBatchSampled(positions)));
        if (group != null) {
            DistributedSampler sampler = new DistributedSampler(
                    trainDs.size(),
                    group.worldSize(),
                    group.rank(),
                    /* shuffle= */ true,
                    config.seed(),
                    /* dropLast= */ false);
            loader.sampler(sampler);
            listeners.add(0, new TrainingListener() {
                @Override
                public void onEpochStart(TrainingState training) {
                    sampler.setEpoch(training.epochsDone());
                }
            });
        }
        return loader;
    }

    DataLoader.Builder<Batch> valLoader(Subset<LabeledImage> valDs) {
        DataLoader.Builder<Batch> loader = loader(valDs, config.valBatchSize());
        if (group != null) {
            loader.sampler(DistributedDataParallel.validationOrder(group, valDs.size(), config.valBatchSize()));
        }
        return loader;
    }

    private DataLoader.Builder<Batch> loader(Subset<LabeledImage> images, int batchSize) {
        return DataLoader.of(images)
                .batchSize(batchSize)
                .numWorkers(config.numWorkers())
                .pinMemory(true);
    }

    /** Trains as one process, or as one of several. */
    private TrainingState train(
            ImageClassificationBase model, DeviceDataLoader trainLoader, DeviceDataLoader valLoader) {
        if (group == null) {
            return fitPhases(model, trainLoader, valLoader);
        }
        boolean stepsDone = checkpoint != null && checkpoint.epochs() > 0;
        try (var parallel = new DistributedDataParallel(model, group, /* resumed= */ stepsDone)) {
            return fitPhases(parallel, trainLoader, valLoader);
        }
    }

    /** Calls {@code fit} for each phase; the epochs of a checkpoint are printed, not trained, again. */
    private TrainingState fitPhases(TrainableModel model, DeviceDataLoader trainLoader, DeviceDataLoader valLoader) {
        TrainingState training = new TrainingState(listeners);
        if (checkpoint == null) {
            training.resume(List.of(evaluate(model, valLoader)), List.of(), 0);
        } else {
            training.resume(
                    checkpoint.history(), checkpoint.trainLosses(), (long) checkpoint.epochs() * trainLoader.size());
        }
        List<EpochResult> before = training.history();
        out.println(before.subList(0, 1));
        tell(listener -> listener.onTrainingStart(training, checkpoint != null));

        OptimizerFactory optimizer = OptimizerFactory.named(config.optimizer());
        int done = 0;
        for (int i = 0; i < config.schedule().size(); i++) {
            Phase phase = config.schedule().get(i);
            int epoch = 0;
            while (epoch < phase.epochs() && done < before.size() - 1) {
                model.epochEnd(epoch++, before.get(++done));
            }
            if (epoch < phase.epochs()) {
                training.startAt(i, epoch);
                fit(
                        phase.epochs(),
                        phase.lr(),
                        model,
                        trainLoader,
                        valLoader,
                        epoch == 0 || checkpoint == null ? optimizer : checkpoint.restoring(optimizer),
                        training);
            }
        }
        return training;
    }

    private void tell(Consumer<RunListener> event) {
        for (TrainingListener listener : listeners) {
            if (listener instanceof RunListener run) {
                event.accept(run);
            }
        }
    }

    private void save(ImageClassificationBase model, List<EpochResult> history, List<Double> trainLosses, Path folder)
            throws IOException {
        // What took longest to make goes first: a picture that fails loses nothing.
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> stateDict = StateDict.of(model);
            Map<String, String> images = config.images().toMetadata();
            PtFile.write(folder.resolve(MODEL), stateDict, images);
            Map<String, String> metadata = new LinkedHashMap<>();
            metadata.put("format", "pt");
            metadata.putAll(images);
            Safetensors.write(folder.resolve("model.safetensors"), stateDict, metadata);
        }
        History.write(folder.resolve("history.json"), history);
        LossPlot.write(folder.resolve("loss.png"), History.valLosses(history), trainLosses);
        AccuracyPlot.write(folder.resolve("accuracy.png"), History.valAccs(history));
    }
}
