package io.github.mnistlibtorch.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.parity.TraceRecorder;
import io.github.mnistlibtorch.app.report.RunArtifacts;
import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.app.run.CheckpointWriter;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.OutputPaths;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunConfigs;
import io.github.mnistlibtorch.app.run.RunTimings;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All that a run writes, on a file system whose paths are those of Windows. The program itself has not run there. */
class WindowsPathsTest {
    @TempDir
    private Path folder;

    @Test
    void aRunWritesAllItsFilesInAFolderOfWindows() throws IOException {
        LibTorch.start();
        RunConfig config = RunConfigs.mlp(1, List.of(4), 20, 20, 0, "float32", "sgd", List.of(new Phase(2, 0.1)));
        try (FileSystem windows = Jimfs.newFileSystem(Configuration.windows());
                Device cpu = Devices.of("cpu")) {
            RunFolder out = new RunFolder(windows.getPath("C:\\Users\\Zoë O'Neil\\mnist run"));
            OutputPaths.makeWritable(out.path(), "--out");
            Path checkpoint = out.checkpoint();
            RunArtifacts results = new RunArtifacts(out.path(), ImageSpec.MNIST);
            RunTimings timings = new RunTimings(new CheckpointWriter(checkpoint, config, Map.of(), null));
            TraceRecorder recorder = new TraceRecorder(config);
            var history = new TrainingRun(config, noise(), cpu)
                    .printNothing()
                    .saveTo(out.path())
                    .listeners(timings, results, recorder)
                    .run();
            results.write(config, history, timings);
            TraceFile.write(out.path().resolve("t.json.gz"), recorder.trace());

            Path previous = Checkpoint.previous(checkpoint);
            assertThat(previous).hasToString("C:\\Users\\Zoë O'Neil\\mnist run\\checkpoint.previous.pt");
            List<String> expected = Stream.of(
                            TrainingRun.FILES,
                            RunArtifacts.FILES,
                            List.of("checkpoint.pt", "checkpoint.previous.pt", "t.json.gz"))
                    .flatMap(List::stream)
                    .toList();
            try (Stream<Path> files = Files.list(out.path())) {
                assertThat(files.map(file -> file.getFileName().toString()))
                        .containsExactlyInAnyOrderElementsOf(expected);
            }
            Path copy = Files.copy(previous, folder.resolve("copy.pt")); // zip files are read on the own file system
            try (Checkpoint read = Checkpoint.read(copy)) {
                assertThat(read.epochs()).isEqualTo(1);
            }
        }
    }

    private static Mnist noise() {
        Random random = new Random(1);
        byte[] pixels = new byte[60 * 28 * 28];
        random.nextBytes(pixels);
        byte[] labels = new byte[60];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = (byte) random.nextInt(10);
        }
        return Mnist.of(pixels, 28, 28, labels);
    }
}
