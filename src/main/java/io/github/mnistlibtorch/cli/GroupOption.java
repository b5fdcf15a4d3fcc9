package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.distributed.Rendezvous;
import io.github.mnistlibtorch.io.InputException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --master-timeout}: of the processes that train together, if the environment says that this is one. */
final class GroupOption {
    @Option(
            names = "--master-timeout",
            paramLabel = "SECONDS",
            defaultValue = "300",
            converter = Converters.OfSeconds.class,
            description = "With RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT in the environment, this process is one"
                    + " of several that train together: how long to wait for another. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    /**
     * Where they meet.
     *
     * @return {@code null} if this process works alone
     * @throws InputException if the environment makes no sense
     */
    @Nullable Rendezvous rendezvous() throws InputException {
        return Rendezvous.of(System.getenv(), Duration.ofSeconds(seconds));
    }
}
