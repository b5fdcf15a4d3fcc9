package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.report.RunArtifacts;
import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.app.run.CheckpointWriter;
import io.github.mnistlibtorch.app.run.FolderLock;
import io.github.mnistlibtorch.app.run.GracefulShutdown;
import io.github.mnistlibtorch.app.run.GracefulShutdown.InterruptedRunException;
import io.github.mnistlibtorch.app.run.OutputPaths;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunTimings;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.distributed.DistributedException;
import io.github.mnistlibtorch.torch.distributed.ProcessGroup;
import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

/**
 * A run at a terminal: with its progress, ended by Ctrl-C, saved.
 *
 * @param checkpoint where the run goes on from, {@code null} if it begins
 * @param group the processes that train together, {@code null} if one trains alone
 * @param command {@code train}, as it was called
 * @param timings where to write how long it took, {@code null} for nowhere
 */
record TrainSession(
        TrainingRun run,
        @Nullable Checkpoint checkpoint,
        @Nullable ProcessGroup group,
        RunOptions runOptions,
        TraceOption traceOption,
        DataOption dataOption,
        WatchOption watchOption,
        CommandSpec command,
        @Nullable Path timings) {
    /**
     * Runs without checkpoints and results; writes a trace only, if one is asked for.
     *
     * @return the exit code
     */
    int runOnly(boolean dryRun) throws IOException {
        try (GracefulShutdown interruption = new GracefulShutdown(/* mayTakeLong= */ group != null)) {
            try {
                run.listeners(interruption).run();
                traceOption.write(runOptions);
                return 0;
            } catch (DistributedException e) {
                interruption.endIfAsked();
                throw dryRun ? e : e.advising("rank 0 says how to go on");
            }
        } catch (InterruptedRunException e) {
            System.err.println("mnist-libtorch: interrupted");
            return GracefulShutdown.EXIT_CODE;
        }
    }

    /**
     * Runs with checkpoints and writes all results into the folder; if another run is writing there and nobody has asked for this
     * folder, into one beside it.
     *
     * @param trainSize examples to train on
     * @return the exit code
     */
    int runAndSave(RunConfig config, RunFolder folder, int trainSize, Device device) throws IOException {
        if (timings != null) {
            List<Path> taken = new ArrayList<>(folder.files());
            traceOption.file().ifPresent(taken::add);
            OutputPaths.requireOwnFile(timings, taken, "--timings");
        }
        boolean isAskedFor =
                checkpoint != null || command.commandLine().getParseResult().hasMatchedOption("--out");
        try (WatchOption.Page page = watchOption.open(config, trainSize)) {
            Path out;
            int exitCode;
            try (FolderLock lock = FolderLock.hold(folder.path(), isAskedFor)) {
                out = lock.folder();
                exitCode = runAndSaveAlone(config, lock, trainSize, device, page);
            }
            if (page != null && exitCode == 0) {
                page.draw(out.resolve(TrainingRun.MODEL), device);
            }
            return exitCode;
        }
    }

    /** The folder is this run's. */
    private int runAndSaveAlone(
            RunConfig config, FolderLock lock, int trainSize, Device device, WatchOption.@Nullable Page page)
            throws IOException {
        RunFolder folder = new RunFolder(lock.folder());
        Map<String, String> computedWith = computedWith(device);
        if (checkpoint == null) {
            folder.setAsideUnfinished()
                    .ifPresent(aside -> runOptions.say(
                            "An unfinished run is in the way; to go on with it later: " + ResumeCheck.command(aside)));
        } else {
            logResumption(checkpoint, config, computedWith);
        }
        Path file = folder.checkpoint();
        Path resumed = checkpoint == null ? null : checkpoint.file();
        CheckpointWriter writer = new CheckpointWriter(file, config, computedWith, resumed);
        RunTimings stopwatch = new RunTimings(writer);
        RunArtifacts results = new RunArtifacts(folder.path(), config.images());
        try (GracefulShutdown interruption = new GracefulShutdown(/* mayTakeLong= */ group != null)) {
            run.saveTo(folder.path()).listeners(lock, stopwatch, progress(config, trainSize));
            if (page != null) {
                run.listeners(page.monitor());
            }
            run.listeners(interruption, results);
            try {
                results.write(config, run.run(), stopwatch);
            } catch (DistributedException e) {
                interruption.endIfAsked();
                throw writer.hasCheckpoint() ? e.advising("to go on, start all ranks with --resume " + file) : e;
            }
        } catch (InterruptedRunException e) {
            // After a resume, it may be that no epoch has been done since.
            Path last = writer.hasCheckpoint() || resumed == null ? file : resumed;
            System.err.println("mnist-libtorch: interrupted; to go on"
                    + (group == null ? ": " : ", start all ranks with: ")
                    + PlainText.of(ResumeCheck.command(command, last)));
            return GracefulShutdown.EXIT_CODE;
        }
        traceOption.write(runOptions);
        runOptions.say(stopwatch.toString());
        if (timings != null) {
            stopwatch.write(timings);
        }
        runOptions.say("Report, pictures, history and weights are in " + folder.path() + ".");
        return 0;
    }

    private void logResumption(Checkpoint from, RunConfig config, Map<String, String> computedWith) {
        long all = config.epochs();
        runOptions.say(
                from.epochs() == all
                        ? "Every epoch is done in " + from.file() + "; the results are written again."
                        : "Going on after " + from.epochs() + " of " + all + " epochs, from " + from.file() + ".");
        computedWith.forEach((name, value) -> {
            if (name.equals(ResumeCheck.DATA_FOLDER)) {
                return; // the configuration says that the data are the same
            }
            String saved = from.computedWith().get(name);
            // A checkpoint of an earlier version does not say all of it.
            if (saved != null && !value.equals(saved)) {
                Warnings.warn(name + " was " + saved + " and is " + value
                        + " now: the last digits may differ from those of a run without an interruption");
            }
        });
    }

    /** Of all processes together. */
    private TrainingListener progress(RunConfig config, int trainSize) {
        int ranks = config.worldSize() == null ? 1 : config.worldSize();
        return runOptions.isQuiet()
                ? new TrainingListener() {}
                : new ProgressBar(
                        System.err,
                        ProgressBar.isTerminal(),
                        config.epochs(),
                        trainSize,
                        config.batchSize() * ranks,
                        System::nanoTime);
    }

    /** What may change the last digits, and where the data are. */
    private Map<String, String> computedWith(Device device) {
        Map<String, String> computedWith = Environment.kernels();
        computedWith.put("device", PythonRepr.str(device));
        computedWith.put("threads", Integer.toString(runOptions.threads()));
        String data = dataOption.absolute();
        if (data != null) {
            computedWith.put(ResumeCheck.DATA_FOLDER, data);
        }
        String size = dataOption.size();
        if (size != null) {
            computedWith.put(ResumeCheck.IMAGE_SIZE, size);
        }
        return computedWith;
    }
}
