package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.parity.TraceRecorder;
import io.github.mnistlibtorch.app.run.OutputPaths;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --trace}. */
final class TraceOption {
    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Record the run in FILE, for the command parity: split, weights, orders, every loss. JSON, or"
                    + " gzip if the name ends in .gz. Of several ranks, each records its own share, in FILE with"
                    + " .rank0, .rank1 … before the ending.")
    private @Nullable Path file;

    private @Nullable TraceRecorder recorder;

    Optional<Path> file() {
        return Optional.ofNullable(file);
    }

    /** Of several processes, each records its own share of the run in a file of its own. */
    void recordShareOf(int rank) {
        if (file != null) {
            String name = String.valueOf(file.getFileName());
            int dot = name.indexOf('.', 1);
            int end = dot < 0 ? name.length() : dot;
            file = file.resolveSibling(name.substring(0, end) + ".rank" + rank + name.substring(end));
        }
    }

    /**
     * What is to listen to the run: nothing, if it is not to be recorded.
     *
     * @param taken where the run writes other things
     * @throws InputException if the file is one of these, or cannot be written
     */
    RunListener begin(RunConfig config, List<Path> taken) throws IOException {
        if (file == null) {
            return new RunListener() {};
        }
        OutputPaths.requireOwnFile(file, taken, "--trace");
        recorder = new TraceRecorder(config);
        return recorder;
    }

    /** When the run has finished. */
    void write(RunOptions options) throws IOException {
        if (file != null && recorder != null) {
            TraceFile.write(file, recorder.trace());
            options.say("The trace is in " + file + ".");
        }
    }
}
