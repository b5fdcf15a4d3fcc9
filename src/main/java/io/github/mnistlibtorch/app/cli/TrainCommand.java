package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.app.run.FolderLock;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.distributed.DistributedEnvironment;
import io.github.mnistlibtorch.torch.distributed.ProcessGroup;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.listeners.TerminateOnNaN;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code train}: the article. */
@Command(
        name = "train",
        description = "Run the article: split, look, train, evaluate, plot. Prints what its notebook prints.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch train",
            "  mnist-libtorch train --schedule 10@0.1 --hidden-size 128 --out wide",
            "  mnist-libtorch train --model cnn --schedule 3@0.1",
            "  mnist-libtorch train --watch",
            "  mnist-libtorch train --resume wide/checkpoint.pt",
            "  mnist-libtorch train --resume wide/checkpoint.pt --schedule 10@0.1,5@0.01",
            "  mnist-libtorch train --data fashion-mnist --optimizer adam --schedule 5@1e-3"
        })
final class TrainCommand implements Callable<Integer> {
    /** Batches to train on with {@code --dry-run}. */
    private static final int DRY_TRAIN_BATCHES = 3;

    /** Batches' worth of pictures to validate with. */
    private static final int DRY_VAL_BATCHES = 2;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "mnist-run",
            description = "Folder for the pictures, the history and the weights. Default: ${DEFAULT-VALUE}.")
    private Path out = Path.of("mnist-run");

    @Option(
            names = "--resume",
            paramLabel = "FILE",
            description =
                    "Go on where an interrupted run was, from its checkpoint.pt, and end as it would have ended, bit"
                            + " for bit. Options that are left out are as they were, --out is the folder of FILE; a"
                            + " --schedule may be longer than it was, which trains a finished run further.")
    private @Nullable Path resume;

    @Option(
            names = "--init",
            paramLabel = "FILE",
            description = "Begin with the weights in FILE instead of random ones: a .pt or safetensors file, or a"
                    + " checkpoint, of the same model.")
    private @Nullable Path init;

    @Option(
            names = "--timings",
            paramLabel = "FILE",
            description = "Write how long training, evaluations and checkpoints took in FILE, as JSON, for programs."
                    + " Not in a dry run, and of several ranks by rank 0.")
    private @Nullable Path timings;

    @Option(
            names = "--allow-nan",
            description = "Go on when the loss has become NaN or infinite, instead of stopping there.")
    private boolean allowNan;

    @Option(
            names = "--dry-run",
            description = "Run every step of the article on a handful of batches, an epoch for each phase of the"
                    + " schedule, and write nothing.")
    private boolean dryRun;

    @Mixin
    private ArticleOptions articleOptions = new ArticleOptions();

    @Mixin
    private RunOptions runOptions = new RunOptions();

    @Mixin
    private TraceOption traceOption = new TraceOption();

    @Mixin
    private WatchOption watchOption = new WatchOption();

    @Mixin
    private DistributedOption groupOption = new DistributedOption();

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Mixin
    private DataOption dataOption = new DataOption();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws IOException {
        if (dryRun && traceOption.file().isPresent()) {
            throw new InputException("--dry-run writes nothing, so it cannot write a --trace; leave one of them out");
        }
        if (resume != null && (dryRun || traceOption.file().isPresent())) {
            throw new InputException((dryRun ? "--dry-run" : "--trace")
                    + " is for a run from its beginning, so it cannot go with --resume; leave one of them out");
        }
        if (init != null && (resume != null || traceOption.file().isPresent())) {
            throw new InputException((resume == null ? "--trace" : "--resume")
                    + " has weights of its own, so it cannot go with --init; leave one of them out");
        }
        DistributedEnvironment environment = groupOption.environment();
        watchOption.check(/* isOneOfSeveral= */ environment != null, dryRun);
        if (resume != null
                && (environment == null || environment.rank() == 0)
                && FolderLock.isHeld(resume.toAbsolutePath().resolveSibling(""))) {
            throw new InputException(resume + " is of a run that is still going on; wait for its end, or interrupt it");
        }
        if (environment != null) {
            traceOption.recordShareOf(environment.rank());
            ImageDataset images;
            Map<String, String> agreed;
            try {
                images = dataOption.load(Mnist.Split.TRAIN);
                deviceOption.startLibTorch(/* gpu= */ true);
                agreed = agreed(images);
            } catch (IOException | RuntimeException e) {
                environment.tellRefused(LibTorch.firstLine(e));
                throw e;
            }
            runOptions.say("This is " + environment + ".");
            return DistributedOption.runTogether(
                    environment,
                    agreed,
                    resume,
                    (group, checkpoint) -> train(checkpoint, images, group, environment.localRank()));
        }
        if (resume == null) {
            return train(null, dataOption.load(Mnist.Split.TRAIN), null, null);
        }
        boolean onCpu = !isGiven("--device") && Checkpoint.device(resume).equals("cpu");
        deviceOption.startLibTorch(/* gpu= */ !onCpu);
        try (Checkpoint checkpoint = Checkpoint.read(resume)) {
            dataOption.restore(
                    checkpoint.computedWith().get(ResumeCheck.DATA_FOLDER),
                    checkpoint.computedWith().get(ResumeCheck.IMAGE_SIZE));
            return train(checkpoint, dataOption.load(Mnist.Split.TRAIN), null, null);
        }
    }

    /** What all processes must have in common. */
    private Map<String, String> agreed(ImageDataset images) throws InputException {
        Map<String, String> agreed = new LinkedHashMap<>();
        agreed.put("the version", CommandLineInterface.Version.number());
        RunConfig config = articleOptions.config(null, runOptions).with(DataOption.describe(images), null);
        config.options().forEach((name, value) -> agreed.put("--" + name, value));
        if (LibTorch.cuda().isAvailable()) {
            agreed.put("what gradients go through on a GPU", ProcessGroup.hasNccl() ? "NCCL" : "Gloo");
        }
        agreed.put("--resume", resume == null ? "not given" : "given");
        agreed.put("--init", init == null ? "not given" : "given");
        agreed.put("--dry-run", dryRun ? "given" : "not given");
        agreed.put("--allow-nan", allowNan ? "given" : "not given");
        return agreed;
    }

    private int train(
            @Nullable Checkpoint checkpoint,
            ImageDataset images,
            @Nullable ProcessGroup group,
            @Nullable Integer localRank)
            throws IOException {
        RunConfig config = articleOptions
                .config(checkpoint == null ? null : checkpoint.config(), runOptions)
                .with(DataOption.describe(images), group == null ? null : group.worldSize())
                .with(ImageSpec.of(images));
        if (checkpoint != null) {
            ResumeCheck resumption = new ResumeCheck(checkpoint);
            resumption.restore(spec);
            resumption.requireSame(config);
            out = isGiven("--out") ? out : checkpoint.file().resolveSibling("");
        }
        config = dryRun ? dryRun(config) : config;
        Dataset<LabeledImage> dataset = dryRun ? firstBatches(images, config.batchSize()) : images;
        config.requireTrainingExamples(dataset.size(), "choose a smaller " + (dryRun ? "--batch-size" : "--val-size"));
        Device device = deviceOption.start(localRank);
        LibTorch.setNumThreads(runOptions.threads());

        if (init != null) {
            MnistModels.requireWeights(init, config);
        }
        RunFolder folder = new RunFolder(out);
        TrainingListener guard = // one rank that stopped at a step of its own would leave the others waiting
                allowNan ? new TrainingListener() {} : new TerminateOnNaN(/* everyStep= */ group == null);
        TrainingRun run =
                new TrainingRun(config, dataset, device).listeners(traceOption.begin(config, folder.files()), guard);
        if (checkpoint != null) {
            run.resume(checkpoint);
        }
        if (init != null) {
            run.initFrom(init);
        }
        if (group != null) {
            run.together(group);
        }
        TrainSession session = new TrainSession(
                run, checkpoint, group, runOptions, traceOption, dataOption, watchOption, spec, timings);
        return dryRun || group != null && group.rank() > 0
                ? session.runOnly(dryRun)
                : session.runAndSave(config, folder, dataset.size() - config.valSize(), device);
    }

    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    private static RunConfig dryRun(RunConfig config) {
        return config.with(
                DRY_VAL_BATCHES * config.batchSize(),
                config.schedule().stream()
                        .map(phase -> new Phase(1, phase.lr()))
                        .toList());
    }

    private static Dataset<LabeledImage> firstBatches(ImageDataset images, int batchSize) {
        int count = Math.min(images.size(), (DRY_TRAIN_BATCHES + DRY_VAL_BATCHES) * batchSize);
        return new Subset<>(images, IntStream.range(0, count).toArray());
    }
}
