package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.parity.CheckResult;
import io.github.mnistlibtorch.app.parity.ForkReport;
import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceComparison;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.parity.TraceRecorder;
import io.github.mnistlibtorch.app.parity.fork.ForkFollower;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code parity}: is this run that run? */
@Command(
        name = "parity",
        description = {
            "Run the article as a trace was recorded, by Python for example, and compare every number, one line for each"
                    + " rung of the ladder. The run's own lines go to standard error.",
            "Where both were computed with the same LibTorch on the same machine, every number has to be equal, bit for bit.",
            "Exit code 0 only if every rung holds."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch parity recorded-in-python.json.gz",
            "  mnist-libtorch parity one.json.gz --against other.json.gz"
        })
final class ParityCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "TRACE",
            description =
                    "Trace to compare with, from train --trace or record_trace.py; JSON, or gzip if it ends in .gz.")
    private Path trace = Path.of("");

    @Option(
            names = "--against",
            paramLabel = "TRACE",
            description = "Compare this trace with the first, and run nothing.")
    private @Nullable Path against;

    private ForkReport report = ForkReport.NONE;

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Mixin
    private DataOption dataOption = new DataOption();

    private CommandSpec command = CommandSpec.create();

    @Spec
    private void addDtype(CommandSpec own) {
        command = own;
        ConfigOptions.add(
                own,
                "dtype",
                "DTYPE",
                null,
                "float32 or float64: what to compute in. Default: as the trace was. If they differ, the tolerances are"
                        + " those of float32.");
    }

    @Override
    public Integer call() throws IOException {
        Trace expected = TraceFile.read(trace);
        Trace actual = against == null ? run(expected) : TraceFile.read(against);
        List<CheckResult> results = TraceComparison.compare(expected, actual, report);
        results.forEach(result -> System.out.println(PlainText.line(result.toString())));
        report.lines().forEach(line -> System.out.println(PlainText.line(line)));
        return results.stream()
                .filter(result -> !result.passed())
                .findFirst()
                .map(result -> {
                    System.out.println("First divergence: " + PlainText.line(result.name() + ": " + result.detail()));
                    return 1;
                })
                .orElseGet(() -> {
                    System.out.println(
                            TraceComparison.isExact(expected, actual)
                                    ? "Every rung holds, bit for bit."
                                    : "Every rung holds.");
                    return 0;
                });
    }

    private Trace run(Trace expected) throws IOException {
        ImageDataset images = dataOption.load(Mnist.Split.TRAIN);
        RunConfig config = config(expected.config()).with(ImageSpec.of(images));
        config.requireTrainingExamples(images.size(), "choose the --data that the trace was recorded with");
        Device device = deviceOption.start();
        useThreads(expected.producer().threads());
        TraceRecorder recorder = new TraceRecorder(config);
        try (ForkFollower follower = new ForkFollower(expected, config, device, recorder)) {
            TrainingRun run = new TrainingRun(config, images, device)
                    .printTo(System.err) // what the article prints is progress here, and the comparison the result
                    .listeners(recorder);
            // Where every bit has to be the same, there is nothing to lead along.
            if (!isSameLibrary(expected, config, device)) {
                run.listeners(follower);
            }
            run.run();
            report = follower.report();
            return recorder.trace();
        }
    }

    private static boolean isSameLibrary(Trace expected, RunConfig config, Device device) {
        return config.dtype().equals(expected.config().dtype())
                && expected.producer().computesAs(TraceRecorder.producer(PythonRepr.str(device)));
    }

    /** Those of the trace, if they can be the same ones: the order of MKL's additions depends on how many there are. */
    private static void useThreads(int threads) {
        if (!LibTorch.isBundled()
                && threads >= 1
                && threads <= Runtime.getRuntime().availableProcessors()) {
            LibTorch.setNumThreads(threads);
        }
    }

    private RunConfig config(RunConfig traced) throws InputException {
        if (traced.valBatchSize() != 2L * traced.batchSize()) {
            throw new InputException(PlainText.name(trace) + " was recorded with validation batches of "
                    + traced.valBatchSize() + "; the article's are twice the batch size, " + 2L * traced.batchSize()
                    + "; record it so");
        }
        try {
            RunConfig.of(traced.options(), traced.numWorkers());
        } catch (IllegalArgumentException e) {
            throw new InputException(
                    PlainText.name(trace) + " asks for sizes that train would refuse; record it with smaller ones", e);
        }
        String dtype = ConfigOptions.value(command, "dtype");
        return dtype == null ? traced : traced.withDtype(dtype);
    }
}
