package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.OutputFolder;
import io.github.mnistlibtorch.app.run.RunTimings;
import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code --timings}. */
final class TimingsOption {
    @Option(
            names = "--timings",
            paramLabel = "FILE",
            converter = Converters.OfPath.class,
            description = "Write how long training, evaluations and checkpoints took in FILE, as JSON, for programs."
                    + " Not in a dry run, and of several ranks by rank 0.")
    private @Nullable Path file;

    /**
     * Before the run.
     *
     * @param taken where the run writes other things
     * @throws InputException if the file is one of these, or cannot be written
     */
    void begin(List<Path> taken) throws IOException {
        if (file != null) {
            OutputFolder.requireOwnFile(file, taken, "--timings");
        }
    }

    /** When the run has finished. */
    void write(RunTimings stopwatch) throws IOException {
        if (file != null) {
            byte[] json = JsonMapper.builder().build().writeValueAsBytes(stopwatch.timings());
            AtomicFile.write(file, out -> out.write(json));
        }
    }
}
