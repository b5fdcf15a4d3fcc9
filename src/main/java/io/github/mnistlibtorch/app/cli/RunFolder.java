package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.report.RunArtifacts;
import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.app.run.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The folder of a run of {@code train}: what lies where. */
record RunFolder(Path path) {
    /** The checkpoint of a run that a later one has found unfinished. */
    private static final String UNFINISHED = "checkpoint.unfinished.pt";

    Path checkpoint() {
        return path.resolve("checkpoint.pt");
    }

    /** Where a run may write, beside what options name. */
    List<Path> files() {
        return Stream.concat(
                        Stream.concat(TrainingRun.FILES.stream(), RunArtifacts.FILES.stream())
                                .map(path::resolve),
                        Stream.of(path, checkpoint(), Checkpoint.previous(checkpoint()), path.resolve(UNFINISHED)))
                .toList();
    }

    /**
     * A new run must not take the place of one that somebody may want to go on with. A finished one has done all its epochs, and has
     * written its weights after its last checkpoint; the times of the files alone do not say so, as a clock may have been set back.
     *
     * @return where the checkpoint of an unfinished one now is
     */
    Optional<Path> setAsideUnfinished() throws IOException {
        Path file = checkpoint();
        Path weights = path.resolve("model.pt");
        boolean finished = !Files.exists(file)
                || !Checkpoint.isUnfinished(file)
                        && Files.exists(weights)
                        && Files.getLastModifiedTime(weights).compareTo(Files.getLastModifiedTime(file)) >= 0;
        if (finished) {
            return Optional.empty();
        }
        return Optional.of(Files.move(file, path.resolve(UNFINISHED), StandardCopyOption.REPLACE_EXISTING));
    }
}
