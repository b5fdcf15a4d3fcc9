package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.predict.DigitServer;
import io.github.mnistlibtorch.app.predict.TrainingMonitor;
import io.github.mnistlibtorch.app.run.GracefulShutdown;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.io.IOException;
import java.nio.file.Path;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --watch}: a page on which a training is seen, and then drawn on. */
final class WatchOption {
    private static final String HOST = "127.0.0.1";

    @Option(
            names = "--watch",
            description =
                    "Open a page to watch the training on, and to draw on when it is done; Ctrl-C then ends. Changes"
                            + " no digit. For one process, not for ranks, and not for a dry run.")
    private boolean watch;

    @Option(
            names = "--port",
            paramLabel = "N",
            description =
                    "With --watch: port to listen at; 0 for any that is free. Default: " + ServeCommand.PORT + ".")
    private @Nullable Integer port;

    /** @throws InputException if options contradict each other */
    void check(boolean isOneOfSeveral, boolean dryRun) throws InputException {
        if (port != null && !watch) {
            throw new InputException("--port is for the page of --watch; add that, or leave --port out");
        }
        if (watch && isOneOfSeveral) {
            throw new InputException(
                    "--watch is for a process that trains alone; leave it out where several train together");
        }
        if (watch && dryRun) {
            throw new InputException("--dry-run is over before anybody could watch it; leave --watch out");
        }
    }

    /**
     * Starts to listen, and says where.
     *
     * @param trainSize examples to train on
     * @return {@code null} if nobody wants to watch
     */
    @Nullable Page open(RunConfig config, int trainSize) throws IOException {
        if (!watch) {
            return null;
        }
        TrainingMonitor monitor = new TrainingMonitor(config, trainSize);
        DigitServer server = ServeCommand.listen(
                HOST, port == null ? Integer.parseInt(ServeCommand.PORT) : port, /* drawings= */ null, monitor);
        Page page = new Page(server, monitor);
        // Even if --quiet: it cannot be opened otherwise.
        System.err.println("Watch the training at " + page.url());
        return page;
    }

    /** The page, while it is open. */
    record Page(DigitServer server, TrainingMonitor monitor) implements AutoCloseable {
        String url() throws InputException {
            return ServeCommand.url(HOST, server);
        }

        /**
         * Lets people draw, until Ctrl-C.
         *
         * @param weights that the training has written
         */
        void draw(Path weights, Device device) throws IOException {
            MnistModels.Saved model = ModelOption.load(weights, device);
            try (ImageClassificationBase network = model.network()) {
                server.serve(model, device);
                System.err.println("The training is done; draw at " + url() + " (Ctrl-C ends)");
                GracefulShutdown.awaitSignal();
                server.close();
            }
        }

        @Override
        public void close() {
            server.close();
        }
    }
}
