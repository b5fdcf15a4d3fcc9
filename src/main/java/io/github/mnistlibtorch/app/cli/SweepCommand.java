package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.report.SweepPlot;
import io.github.mnistlibtorch.app.report.SweepReport;
import io.github.mnistlibtorch.app.run.FolderLock;
import io.github.mnistlibtorch.app.run.GracefulShutdown;
import io.github.mnistlibtorch.app.run.GracefulShutdown.InterruptedRunException;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.Sweep;
import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.plot.Fonts;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sweep}: the article with one set of options after another. */
@Command(
        name = "sweep",
        description = {
            "Train with every combination of some options, and draw the comparison.",
            "These take any number of values, with spaces between them: --schedule, --hidden-size, --batch-size,"
                    + " --optimizer, --seed.",
            "Each run computes what train computes with the same options."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch sweep --schedule 5@1 5@0.1 5@0.01",
            "  mnist-libtorch sweep --hidden-size 32 128 64,32 --seed 1 2 3",
            "  mnist-libtorch sweep --schedule 5@1e-3 --optimizer adam adamw rmsprop"
        })
final class SweepCommand implements Callable<Integer> {
    private static final String RESULTS = "sweep.json";
    private static final String PICTURE = "sweep.png";
    private static final String REPORT = "sweep.html";
    private static final String WEIGHTS = "best.pt";

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "mnist-sweep",
            description =
                    "Folder for " + REPORT + ", a page for a browser, " + RESULTS + " and " + PICTURE + ", and for "
                            + WEIGHTS + ", the weights of the run with the highest val_acc. Default: ${DEFAULT-VALUE}.")
    private Path out = Path.of("mnist-sweep");

    @Mixin
    private RunOptions runOptions = new RunOptions();

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Mixin
    private DataOption dataOption = new DataOption();

    private CommandSpec command = CommandSpec.create();

    @Spec
    private void addOptions(CommandSpec own) {
        command = own;
        ConfigOptions.addList(
                own, "schedule", "EPOCHS@LR,…", "5@0.5,5@0.1", "Calls of fit: epochs and learning rate of each.");
        ConfigOptions.addList(own, "hidden-size", "N[,N…]", "32", "Units of the hidden layer; 64,32 are two layers.");
        ConfigOptions.addList(own, "batch-size", "N", "128", "Examples in a training batch.");
        ConfigOptions.addList(own, "optimizer", "NAME", "sgd", "sgd, momentum, adam, adamw or rmsprop.");
        ConfigOptions.addList(
                own,
                Sweep.SEED,
                "N",
                "42",
                "Decides the split, the weights and the order of the batches; several show how much of a difference is"
                        + " chance.");
    }

    @Override
    public Integer call() throws IOException {
        ImageDataset images = dataOption.load(Mnist.Split.TRAIN);
        Sweep sweep = new Sweep(values(), runOptions.numWorkers());
        ImageSpec spec = ImageSpec.of(images);
        List<RunConfig> grid =
                sweep.grid().stream().map(config -> config.with(spec)).toList();
        grid.get(0).requireTrainingExamples(images.size(), "choose a smaller --val-size");
        Device device = deviceOption.start();
        LibTorch.setNumThreads(runOptions.threads());
        try (FolderLock lock =
                FolderLock.hold(out, command.commandLine().getParseResult().hasMatchedOption("--out"))) {
            out = lock.folder();
            return sweep(sweep, grid, images, device, lock);
        }
    }

    private int sweep(Sweep sweep, List<RunConfig> grid, ImageDataset images, Device device, FolderLock lock)
            throws IOException {
        for (String file : List.of(RESULTS, PICTURE, REPORT, WEIGHTS)) {
            setAside(file);
        }
        sweep.keepBest(out.resolve(WEIGHTS));
        String data = DataOption.describe(images);
        int done = 0;
        long began = System.nanoTime();
        try (GracefulShutdown interruption = new GracefulShutdown(/* mayTakeLong= */ false)) {
            for (RunConfig config : grid) {
                Sweep.Run run = sweep.train(config, images, device, interruption);
                done++;
                lock.requireInPlace();
                sweep.write(out.resolve(RESULTS), data);
                draw(sweep);
                SweepReport.write(
                        out.resolve(REPORT), sweep, WEIGHTS, best(sweep).command());
                System.out.println(line(run, sweep));
                double seconds = (System.nanoTime() - began) / 1e9;
                int left = grid.size() - done;
                if (left > 0) {
                    runOptions.say(String.format(
                            Locale.ROOT,
                            "%d of %d runs done, about %.0f s left",
                            done,
                            grid.size(),
                            seconds / done * left));
                }
            }
        } catch (InterruptedRunException e) {
            System.err.println("mnist-libtorch: interrupted after " + done + " of " + grid.size() + " runs"
                    + (done == 0 ? "" : "; these are in " + out));
            return GracefulShutdown.EXIT_CODE;
        }
        Best best = best(sweep);
        if (best.command().isEmpty()) {
            System.err.println("mnist-libtorch: no run came to its end; try lower learning rates or smaller sizes");
            return 1;
        }
        System.out.println("Best: " + best.command() + best.words());
        runOptions.say("The runs are in " + out.resolve(RESULTS) + ", their comparison in " + out.resolve(REPORT)
                + " and " + out.resolve(PICTURE) + ", the weights of the best run in " + out.resolve(WEIGHTS) + ".");
        return 0;
    }

    /** Of all options, the seeds last, so that those of one combination are beside each other. */
    private Map<String, List<String>> values() {
        Map<String, List<String>> values = new LinkedHashMap<>();
        for (String name : List.of("val-size", "dtype")) {
            values.put(name, List.of(ConfigOptions.value(command, name)));
        }
        for (String name : List.of("optimizer", "hidden-size", "batch-size", "schedule", Sweep.SEED)) {
            values.put(name, ConfigOptions.values(command, name));
        }
        return values;
    }

    /** What is there of an earlier sweep is not lost. */
    private void setAside(String name) throws IOException {
        Path file = out.resolve(name);
        if (Files.exists(file)) {
            Path aside = out.resolve(name.replace(".", ".previous."));
            Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
            runOptions.say("An earlier sweep is in the way; its " + name + " is " + aside + " now.");
        }
    }

    private void draw(Sweep sweep) throws IOException {
        if (!Fonts.canDraw(out.resolve(PICTURE))) {
            return;
        }
        SweepPlot.write(
                out.resolve(PICTURE),
                sweep.comparedButTheSeed(),
                sweep.rows().entrySet().stream()
                        .map(row -> SweepPlot.Row.of(row.getKey(), row.getValue()))
                        .toList());
    }

    private static String line(Sweep.Run run, Sweep sweep) {
        String result = run.failed() == null
                ? "val_loss: " + PythonRepr.fixed(run.last().valLoss(), 4) + ", val_acc: "
                        + PythonRepr.fixed(run.last().valAcc(), 4)
                : "failed: " + run.failed();
        return sweep.compared().stream()
                        .map(name -> name + " " + run.options().get(name))
                        .collect(Collectors.joining(", "))
                + (sweep.grid().size() > 1 ? ": " : "")
                + result;
    }

    /**
     * The best row, by the mean over its seeds.
     *
     * @param command that trains it again; empty if no run came to its end
     * @param words what else to say of it
     */
    private record Best(String command, String words) {}

    private static Best best(Sweep sweep) {
        List<Sweep.Run> best = sweep.rows().values().stream()
                .min(Comparator.comparing(runs -> SweepPlot.Row.of(List.of(), runs)))
                .orElseThrow();
        SweepPlot.Row row = SweepPlot.Row.of(List.of(), best);
        if (row.accuracies().isEmpty()) {
            return new Best("", "");
        }
        String command = best.get(0).options().entrySet().stream()
                .filter(option -> best.size() == 1 || !option.getKey().equals(Sweep.SEED))
                .map(option -> " --" + option.getKey() + " " + option.getValue())
                .collect(Collectors.joining("", "train", ""));
        int seeds = row.accuracies().size();
        String words = best.size() == 1
                ? ""
                : String.format(Locale.ROOT, " (val_acc %.4f, the mean of %d seeds)", row.accuracy(), seeds);
        return new Best(command, words);
    }
}
