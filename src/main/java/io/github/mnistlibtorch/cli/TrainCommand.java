package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.MnistTutorial;
import io.github.mnistlibtorch.MnistTutorial.Settings;
import io.github.mnistlibtorch.cli.Interruption.InterruptedRunException;
import io.github.mnistlibtorch.data.Dataset;
import io.github.mnistlibtorch.data.Example;
import io.github.mnistlibtorch.data.Subset;
import io.github.mnistlibtorch.distributed.DistributedDataParallel;
import io.github.mnistlibtorch.distributed.DistributedException;
import io.github.mnistlibtorch.distributed.ProcessGroup;
import io.github.mnistlibtorch.distributed.Rendezvous;
import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.libtorch.Warnings;
import io.github.mnistlibtorch.model.EpochResult;
import io.github.mnistlibtorch.parity.Trace;
import io.github.mnistlibtorch.train.Checkpoint;
import io.github.mnistlibtorch.train.CheckpointWriter;
import io.github.mnistlibtorch.train.LossGuard;
import io.github.mnistlibtorch.train.Phase;
import io.github.mnistlibtorch.train.Replicas;
import io.github.mnistlibtorch.train.RunListener;
import io.github.mnistlibtorch.train.Stopwatch;
import io.github.mnistlibtorch.vision.Mnist;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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
            "  mnist-libtorch train --resume wide/checkpoint.pt",
            "  mnist-libtorch train --data fashion-mnist --optimizer adam --schedule 5@1e-3"
        })
final class TrainCommand implements Callable<Integer> {
    /** Batches to train on with {@code --dry-run}. */
    private static final int DRY_TRAIN_BATCHES = 3;

    /** Batches' worth of pictures to validate with. */
    private static final int DRY_VAL_BATCHES = 2;

    private static final String CHECKPOINT = "checkpoint.pt";

    /** The checkpoint of a run that a later one has found unfinished. */
    private static final String UNFINISHED = "checkpoint.unfinished.pt";

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "128",
            converter = Converters.OfSize.class,
            description =
                    "Examples in a training batch (of each rank, if there are several); validation takes twice as many."
                            + " Default: ${DEFAULT-VALUE}.")
    private int batchSize;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "mnist-run",
            converter = Converters.OfPath.class,
            description = "Folder for the pictures, the history and the weights. Default: ${DEFAULT-VALUE}.")
    private Path out = Path.of("mnist-run");

    @Option(
            names = "--resume",
            paramLabel = "FILE",
            converter = Converters.OfPath.class,
            description =
                    "Go on where an interrupted run was, from its checkpoint.pt, and end as it would have ended, bit"
                            + " for bit. Options that are left out are as they were; --out is then the folder of FILE.")
    private @Nullable Path resume;

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
    private TimingsOption timingsOption = new TimingsOption();

    @Mixin
    private GroupOption groupOption = new GroupOption();

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Mixin
    private DataOption dataOption = new DataOption();

    /** Which this is one of, and its number among those of this machine; {@code null} if it works alone. */
    private @Nullable ProcessGroup group;

    private @Nullable Integer localRank;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws IOException {
        if (dryRun && traceOption.isGiven()) {
            throw new InputException("--dry-run writes nothing, so it cannot write a --trace; leave one of them out");
        }
        if (resume != null && (dryRun || traceOption.isGiven())) {
            throw new InputException((dryRun ? "--dry-run" : "--trace")
                    + " is for a run from its beginning, so it cannot go with --resume; leave one of them out");
        }
        Rendezvous rendezvous = groupOption.rendezvous();
        if (rendezvous != null) {
            return trainTogether(rendezvous);
        }
        if (resume == null) {
            return train(null, dataOption.load(Mnist.Split.TRAIN));
        }
        boolean onCpu = !isGiven("--device") && Checkpoint.device(resume).equals("cpu");
        deviceOption.startLibTorch(/* gpu= */ !onCpu);
        try (Checkpoint checkpoint = Checkpoint.read(resume)) {
            return train(checkpoint, dataOption.load(Mnist.Split.TRAIN));
        }
    }

    /** As one of several processes, of which the first prints and writes. */
    private int trainTogether(Rendezvous rendezvous) throws IOException {
        traceOption.recordShareOf(rendezvous.rank());
        localRank = rendezvous.localRank();
        Mnist mnist = dataOption.load(Mnist.Split.TRAIN);
        deviceOption.startLibTorch(/* gpu= */ true);
        runOptions.say("This is " + rendezvous + ".");
        try (ProcessGroup joined = ProcessGroup.init(rendezvous, agreed(mnist));
                StandardOutput out = joined.rank() == 0 ? StandardOutput.to(System.out) : StandardOutput.toNothing()) {
            group = joined;
            int exitCode = resume == null ? train(null, mnist) : resumeTogether(joined, resume, mnist);
            if (exitCode == 0) {
                partFrom(joined);
            }
            return exitCode;
        }
    }

    /** None goes before all are done: to go would cut a connection that another still reads from. */
    private static void partFrom(ProcessGroup group) {
        try {
            group.barrier();
        } catch (DistributedException e) {
            if (group.rank() > 0) {
                throw e;
            }
            Warnings.warn(e.getMessage() + "; the run was done and its results are complete");
        }
    }

    /** From the checkpoint that the first process has; the others need not have it. */
    private int resumeTogether(ProcessGroup group, Path resume, Mnist mnist) throws IOException {
        if (group.rank() == 0) {
            try (Checkpoint checkpoint = Checkpoint.read(resume)) {
                group.broadcast(Files.readAllBytes(resume));
                return train(checkpoint, mnist);
            }
        }
        byte[] content;
        try {
            content = group.broadcast((byte[]) null);
        } catch (DistributedException e) {
            throw e.advising("rank 0 says whether it is its checkpoint");
        }
        Path copy = Files.createTempFile("checkpoint", ".pt");
        try {
            Files.write(copy, content);
            try (Checkpoint checkpoint = Checkpoint.read(copy)) {
                Files.delete(copy);
                return train(checkpoint, mnist);
            }
        } catch (InputException e) {
            throw new InputException(LibTorch.firstLine(e).replace(copy.toString(), "the checkpoint of rank 0"), e);
        } finally {
            Files.deleteIfExists(copy);
        }
    }

    /** What all processes must have in common. */
    private Map<String, String> agreed(Mnist mnist) {
        Map<String, String> agreed = new LinkedHashMap<>();
        agreed.put("the version", CommandLineInterface.Version.number());
        new SavedOptions(spec, null).config(mnist).forEach((name, value) -> agreed.put("--" + name, value));
        if (LibTorch.cuda().isAvailable()) {
            agreed.put("what gradients go through on a GPU", ProcessGroup.hasNccl() ? "NCCL" : "Gloo");
        }
        agreed.put("--resume", resume == null ? "not given" : "given");
        agreed.put("--dry-run", dryRun ? "given" : "not given");
        agreed.put("--allow-nan", allowNan ? "given" : "not given");
        return agreed;
    }

    private int train(@Nullable Checkpoint checkpoint, Mnist mnist) throws IOException {
        SavedOptions options = new SavedOptions(spec, group == null ? null : group.worldSize());
        if (checkpoint != null) {
            options.restore(checkpoint);
            if (!isGiven("--out")) {
                out = checkpoint.file().resolveSibling("");
            }
            options.requireSame(checkpoint, mnist);
        }
        Dataset<Example> dataset = dryRun ? firstBatches(mnist) : mnist;
        int heldOut = dryRun ? DRY_VAL_BATCHES * batchSize : runOptions.valSize();
        RunConfig.requireRoomToTrain(
                dataset.size(), heldOut, "choose a smaller " + (dryRun ? "--batch-size" : "--val-size"));
        Device device = deviceOption.start(localRank);
        LibTorch.setNumThreads(runOptions.threads());
        Trace.Config config = new Trace.Config(
                articleOptions.seed(),
                articleOptions.hiddenSizes(),
                batchSize,
                2 * batchSize,
                heldOut,
                runOptions.numWorkers(),
                runOptions.dtype(),
                phases(),
                articleOptions.optimizer());
        Settings settings = RunConfig.settings(config, device);
        // One rank that stopped at a step of its own would leave the others waiting.
        RunListener guard =
                allowNan ? RunListener.NONE : new LossGuard(settings.schedule(), /* everyStep= */ group == null);
        RunListener watch = traceOption.begin(config, writtenTo(out)).and(guard);
        if (dryRun || group != null && group.rank() > 0) {
            return trainOnly(dataset, settings, watch, checkpoint);
        }
        timingsOption.begin(Stream.concat(writtenTo(out).stream(), traceOption.file().stream())
                .toList());
        OutputFolder.makeWritable(out, "--out");
        Path file = out.resolve(CHECKPOINT);
        Map<String, String> computedWith = options.computedWith(device);
        if (checkpoint == null) {
            setAsideUnfinished(file);
        } else {
            sayWhereItGoesOn(checkpoint, computedWith);
        }
        CheckpointWriter writer = new CheckpointWriter(file, options.config(mnist), computedWith);
        Stopwatch stopwatch = new Stopwatch();
        Results results = new Results(out);
        try (Interruption interruption = new Interruption(/* mayTakeLong= */ group != null);
                Replicas replicas = replicas()) {
            RunListener listener = watch.and(stopwatch)
                    .and(writer)
                    .and(stopwatch.afterSaving())
                    .and(progress(settings, dataset.size() - heldOut))
                    .and(interruption)
                    .and(results);
            List<EpochResult> history;
            try {
                history = MnistTutorial.run(dataset, settings, out, listener, checkpoint, replicas);
            } catch (DistributedException e) {
                interruption.endIfAsked();
                throw writer.hasCheckpoint() ? e.advising("to go on, start all ranks with --resume " + file) : e;
            }
            results.write(options.config(mnist), settings.schedule(), history);
        } catch (InterruptedRunException e) {
            // After a resume, it may be that no epoch has been done since.
            Path last = writer.hasCheckpoint() || resume == null ? file : resume;
            System.err.println("mnist-libtorch: interrupted; to go on"
                    + (group == null ? ": " : ", start all ranks with: ") + "train --resume " + last);
            return Interruption.EXIT_CODE;
        }
        traceOption.write(runOptions);
        runOptions.say(stopwatch.toString());
        timingsOption.write(stopwatch);
        runOptions.say("Report, pictures, history and weights are in " + out + ".");
        return 0;
    }

    /** Prints, if it is not told to be silent, and leaves nothing behind. */
    private int trainOnly(
            Dataset<Example> dataset, Settings settings, RunListener watch, @Nullable Checkpoint checkpoint)
            throws IOException {
        try (Interruption interruption = new Interruption(/* mayTakeLong= */ group != null);
                Replicas replicas = replicas()) {
            try {
                MnistTutorial.run(dataset, settings, null, watch.and(interruption), checkpoint, replicas);
                traceOption.write(runOptions);
                return 0;
            } catch (DistributedException e) {
                interruption.endIfAsked();
                throw dryRun ? e : e.advising("rank 0 says how to go on");
            }
        } catch (InterruptedRunException e) {
            System.err.println("mnist-libtorch: interrupted");
            return Interruption.EXIT_CODE;
        }
    }

    private Replicas replicas() {
        return group == null ? Replicas.ONE : new DistributedDataParallel(group, articleOptions.seed());
    }

    /** Of all processes together. */
    private RunListener progress(Settings settings, int images) {
        int worldSize = group == null ? 1 : group.worldSize();
        int epochs = settings.schedule().stream().mapToInt(Phase::epochs).sum();
        return runOptions.isQuiet()
                ? RunListener.NONE
                : new Progress(System.err, Progress.isTerminal(), epochs, images, settings.batchSize() * worldSize);
    }

    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    private void sayWhereItGoesOn(Checkpoint checkpoint, Map<String, String> computedWith) {
        long all = SavedOptions.epochs(checkpoint);
        runOptions.say(
                checkpoint.epochs() == all
                        ? "Every epoch is done in " + checkpoint.file() + "; the results are written again."
                        : "Going on after " + checkpoint.epochs() + " of " + all + " epochs, from " + checkpoint.file()
                                + ".");
        computedWith.forEach((name, value) -> {
            String saved = checkpoint.computedWith().get(name);
            // A checkpoint of an earlier version does not say all of it.
            if (saved != null && !value.equals(saved)) {
                Warnings.warn(name + " was " + saved + " and is " + value
                        + " now: the last digits may differ from those of a run without an interruption");
            }
        });
    }

    /**
     * A new run must not take the place of one that somebody may want to go on with. A finished one has written its
     * weights after its last checkpoint.
     */
    private void setAsideUnfinished(Path file) throws IOException {
        Path weights = file.resolveSibling("model.pt");
        boolean finished = !Files.exists(file)
                || Files.exists(weights)
                        && Files.getLastModifiedTime(weights).compareTo(Files.getLastModifiedTime(file)) >= 0;
        if (!finished) {
            Path aside = file.resolveSibling(UNFINISHED);
            Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
            runOptions.say("An unfinished run is in the way; to go on with it later: train --resume " + aside);
        }
    }

    /** Where a run may write, beside the trace. */
    private static List<Path> writtenTo(Path out) {
        Path checkpoint = out.resolve(CHECKPOINT);
        return Stream.concat(
                        Stream.concat(MnistTutorial.FILES.stream(), Results.FILES.stream())
                                .map(out::resolve),
                        Stream.of(out, checkpoint, Checkpoint.previous(checkpoint), out.resolve(UNFINISHED)))
                .toList();
    }

    private List<Phase> phases() {
        List<Phase> phases = articleOptions.schedule();
        return dryRun ? phases.stream().map(phase -> new Phase(1, phase.lr())).toList() : phases;
    }

    private Dataset<Example> firstBatches(Mnist mnist) {
        int count = Math.min(mnist.size(), (DRY_TRAIN_BATCHES + DRY_VAL_BATCHES) * batchSize);
        return new Subset<>(mnist, IntStream.range(0, count).toArray());
    }
}
