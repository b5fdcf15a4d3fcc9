package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.torch.distributed.DistributedEnvironment;
import io.github.mnistlibtorch.torch.distributed.DistributedException;
import io.github.mnistlibtorch.torch.distributed.ProcessGroup;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --master-timeout}: of the processes that train together, if the environment says that this is one. */
final class DistributedOption {
    @Option(
            names = "--master-timeout",
            paramLabel = "SECONDS",
            defaultValue = "300",
            converter = Converters.OfSeconds.class,
            description = "With RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT in the environment, this process is one"
                    + " of several that train together: how long to wait for another. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    /** A run that may go on from a checkpoint. */
    @FunctionalInterface
    interface Run {
        /** @return its exit code */
        int start(ProcessGroup group, @Nullable Checkpoint checkpoint) throws IOException;
    }

    /**
     * Where they meet.
     *
     * @return {@code null} if this process works alone
     * @throws InputException if the environment makes no sense
     */
    @Nullable DistributedEnvironment environment() throws InputException {
        return DistributedEnvironment.of(System.getenv(), Duration.ofSeconds(seconds));
    }

    /**
     * Runs as one of several processes.
     *
     * @param agreed what all must have in common
     * @param resume where rank 0 has the checkpoint to go on from; the others need not have it
     */
    static int runTogether(
            DistributedEnvironment environment, Map<String, String> agreed, @Nullable Path resume, Run run)
            throws IOException {
        try (ProcessGroup group = ProcessGroup.init(environment, agreed)) {
            try {
                int exitCode = resume == null ? run.start(group, null) : resumeTogether(group, resume, run);
                if (exitCode == 0) {
                    awaitAllRanks(group);
                } else {
                    group.fail("it was interrupted");
                }
                return exitCode;
            } catch (IOException | RuntimeException | Error e) {
                group.fail(LibTorch.firstLine(e)); // no effect if another rank has
                throw e;
            }
        }
    }

    private static int resumeTogether(ProcessGroup group, Path resume, Run run) throws IOException {
        if (group.rank() == 0) {
            try (Checkpoint checkpoint = Checkpoint.read(resume)) {
                group.broadcast(Files.readAllBytes(resume));
                return run.start(group, checkpoint);
            }
        }
        byte[] content = group.broadcast((byte[]) null);
        Path copy = Files.createTempFile("checkpoint", ".pt");
        try {
            Files.write(copy, content);
            try (Checkpoint checkpoint = Checkpoint.read(copy)) {
                Files.delete(copy);
                return run.start(group, checkpoint);
            }
        } catch (InputException e) {
            throw new InputException(LibTorch.firstLine(e).replace(copy.toString(), "the checkpoint of rank 0"), e);
        } finally {
            Files.deleteIfExists(copy);
        }
    }

    /** None goes before all are done: to go would cut a connection that another still reads from. */
    private static void awaitAllRanks(ProcessGroup group) {
        try {
            group.barrier();
        } catch (DistributedException e) {
            if (group.rank() > 0) {
                throw e;
            }
            Warnings.warn(e.getMessage() + "; the run was done and its results are complete");
        }
    }
}
