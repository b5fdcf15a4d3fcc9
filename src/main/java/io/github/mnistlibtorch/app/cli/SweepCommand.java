package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.report.SweepPlot;
import io.github.mnistlibtorch.app.run.GracefulShutdown;
import io.github.mnistlibtorch.app.run.GracefulShutdown.InterruptedRunException;
import io.github.mnistlibtorch.app.run.OutputFolder;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import io.github.mnistlibtorch.tutorial.listeners.TerminateOnNaN;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

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
    private static final String SEED = "seed";

    /** Of the table that {@code sweep.json} is, and of the lines that are printed. */
    private static final List<String> COLUMNS =
            List.of("schedule", "hidden-size", "batch-size", "optimizer", "val-size", "dtype", SEED);

    @Option(
            names = "--schedule",
            paramLabel = "EPOCHS@LR,…",
            arity = "1..*",
            defaultValue = "5@0.5,5@0.1",
            description = "Calls of fit: epochs and learning rate of each. Default: ${DEFAULT-VALUE}.")
    private List<String> schedules = List.of();

    @Option(
            names = "--hidden-size",
            paramLabel = "N[,N…]",
            arity = "1..*",
            defaultValue = "32",
            description = "Units of the hidden layer; 64,32 are two layers. Default: ${DEFAULT-VALUE}.")
    private List<String> hiddens = List.of();

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            arity = "1..*",
            defaultValue = "128",
            description = "Examples in a training batch. Default: ${DEFAULT-VALUE}.")
    private List<String> batchSizes = List.of();

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            arity = "1..*",
            defaultValue = "sgd",
            description = "sgd, momentum, adam, adamw or rmsprop. Default: ${DEFAULT-VALUE}.")
    private List<String> optimizers = List.of();

    @Option(
            names = "--seed",
            paramLabel = "N",
            arity = "1..*",
            defaultValue = "42",
            description = "Decides the split, the weights and the order of the batches; several show how much of a"
                    + " difference is chance. Default: ${DEFAULT-VALUE}.")
    private List<String> seeds = List.of();

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "mnist-sweep",
            converter = Converters.OfPath.class,
            description = "Folder for " + RESULTS + " and " + PICTURE + ". Default: ${DEFAULT-VALUE}.")
    private Path out = Path.of("mnist-sweep");

    @Mixin
    private RunOptions runOptions = new RunOptions();

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Mixin
    private DataOption dataOption = new DataOption();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private final List<Run> runs = new ArrayList<>();

    /** What the pictures are. */
    private String data = "";

    /**
     * What came of a run, as it is written to the file.
     *
     * @param failed why it did not come to its end, as where its loss was no number any more; {@code null} if it did
     * @param history the evaluation before training and after each epoch; empty if it failed
     * @param trainLosses of the epochs that it came to
     */
    private record Run(
            Map<String, String> options,
            double seconds,
            @Nullable String failed,
            List<EpochResult> history,
            List<Double> trainLosses) {
        EpochResult last() {
            return history.get(history.size() - 1);
        }
    }

    /** Of the epochs that a run came to, also of one that failed. */
    private static final class TrainingLosses implements TrainingListener {
        private List<Double> ofEpochs = List.of();

        @Override
        public void onEpochEnd(TrainingState training, EpochResult result) {
            ofEpochs = training.trainLosses();
        }
    }

    @Override
    public Integer call() throws IOException {
        List<RunConfig> grid = grid();
        Mnist mnist = dataOption.load(Mnist.Split.TRAIN);
        grid.get(0).requireTrainingExamples(mnist.size(), "choose a smaller --val-size");
        Device device = deviceOption.start();
        LibTorch.setNumThreads(runOptions.threads());
        OutputFolder.makeWritable(out, "--out");
        setAside(RESULTS);
        setAside(PICTURE);
        data = DataOption.describe(mnist);
        long began = System.nanoTime();
        try (GracefulShutdown interruption = new GracefulShutdown(/* mayTakeLong= */ false)) {
            for (RunConfig config : grid) {
                Run run = train(mnist, config, device, interruption);
                runs.add(run);
                write(grid);
                System.out.println(line(run, grid));
                double seconds = (System.nanoTime() - began) / 1e9;
                int left = grid.size() - runs.size();
                if (left > 0) {
                    runOptions.say(String.format(
                            Locale.ROOT,
                            "%d of %d runs done, about %.0f s left",
                            runs.size(),
                            grid.size(),
                            seconds / runs.size() * left));
                }
            }
        } catch (InterruptedRunException e) {
            System.err.println("mnist-libtorch: interrupted after " + runs.size() + " of " + grid.size() + " runs"
                    + (runs.isEmpty() ? "" : "; these are in " + out));
            return GracefulShutdown.EXIT_CODE;
        }
        String best = best(grid);
        if (best.isEmpty()) {
            System.err.println("mnist-libtorch: no run came to its end; try lower learning rates or smaller sizes");
            return 1;
        }
        System.out.println("Best: " + best);
        runOptions.say(
                "The runs are in " + out.resolve(RESULTS) + ", their comparison in " + out.resolve(PICTURE) + ".");
        return 0;
    }

    /** Every combination, the seeds of one beside each other. */
    private List<RunConfig> grid() {
        Map<String, String> options = new LinkedHashMap<>();
        options.put("val-size", Integer.toString(runOptions.valSize()));
        options.put("dtype", runOptions.dtype());
        List<RunConfig> grid = new ArrayList<>();
        for (String optimizer : values("optimizer", optimizers)) {
            options.put("optimizer", optimizer);
            for (String hidden : values("hidden-size", hiddens)) {
                options.put("hidden-size", hidden);
                for (String batchSize : values("batch-size", batchSizes)) {
                    options.put("batch-size", batchSize);
                    for (String schedule : values("schedule", schedules)) {
                        options.put("schedule", schedule);
                        for (String seed : values(SEED, seeds)) {
                            options.put(SEED, seed);
                            grid.add(RunConfig.of(options, runOptions.numWorkers()));
                        }
                    }
                }
            }
        }
        return grid;
    }

    /** Converted here: of a value that cannot be, picocli would say no more than that the option does not take it. */
    private List<String> values(String name, List<String> texts) {
        List<String> values = new ArrayList<>();
        for (String text : texts) {
            try {
                values.add(RunConfig.canonical(name, text));
            } catch (IllegalArgumentException e) {
                throw new ParameterException(
                        spec.commandLine(),
                        "Invalid value for option '--" + name + "': " + e.getMessage() + severalAre("--" + name, text),
                        e);
            }
        }
        return values.stream().distinct().toList();
    }

    /** Where one value has no commas, a person who types them means several. */
    private static String severalAre(String option, String text) {
        return text.contains(",") ? "; several have spaces between them: " + option + " " + text.replace(',', ' ') : "";
    }

    /** All that decides the digits of a run, but the pictures. */
    private static Map<String, String> options(RunConfig config) {
        Map<String, String> options = new LinkedHashMap<>();
        for (String name : COLUMNS) {
            options.put(name, config.options().get(name));
        }
        return options;
    }

    /** The command of the best row, by the mean over its seeds; empty if no run came to its end. */
    private String best(List<RunConfig> grid) {
        Map<List<String>, List<Run>> rows = rows(grid);
        List<Run> best = rows.entrySet().stream()
                .min(Map.Entry.comparingByValue(Comparator.comparing(runs -> row(List.of(), runs))))
                .map(Map.Entry::getValue)
                .orElseThrow();
        SweepPlot.Row row = row(List.of(), best);
        if (row.accuracies().isEmpty()) {
            return "";
        }
        String command = "train "
                + best.get(0).options.entrySet().stream()
                        .filter(option -> best.size() == 1 || !option.getKey().equals(SEED))
                        .map(option -> "--" + option.getKey() + " " + option.getValue())
                        .collect(Collectors.joining(" "));
        return command
                + (best.size() == 1
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                " (val_acc %.4f, the mean of %d seeds)",
                                row.accuracy(),
                                row.accuracies().size()));
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

    private static Run train(Mnist mnist, RunConfig config, Device device, GracefulShutdown interruption)
            throws IOException {
        TrainingLosses losses = new TrainingLosses();
        List<EpochResult> history = List.of();
        String failed = null;
        long began = System.nanoTime();
        try {
            history = new TrainingRun(config, mnist, device)
                    .printNothing() // its lines would hide those of the comparison
                    .listeners(new TerminateOnNaN(/* everyStep= */ true), losses, interruption)
                    .run();
        } catch (InterruptedRunException e) {
            throw e;
        } catch (RuntimeException e) { // as when its loss is no number any more, or LibTorch has no memory for it
            failed = LibTorch.firstLine(e);
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        return new Run(options(config), seconds, failed, history, losses.ofEpochs);
    }

    /** The options that have more than one value, of which the seed is always the last. */
    private static List<String> compared(List<RunConfig> grid) {
        List<Map<String, String>> all = grid.stream().map(SweepCommand::options).toList();
        return all.get(0).keySet().stream()
                .filter(name -> all.stream()
                                .map(options -> options.get(name))
                                .distinct()
                                .count()
                        > 1)
                .toList();
    }

    private static String line(Run run, List<RunConfig> grid) {
        String result = run.failed == null
                ? "val_loss: " + PythonRepr.fixed(run.last().valLoss(), 4) + ", val_acc: "
                        + PythonRepr.fixed(run.last().valAcc(), 4)
                : "failed: " + run.failed;
        return compared(grid).stream()
                        .map(name -> name + " " + run.options.get(name))
                        .collect(Collectors.joining(", "))
                + (grid.size() > 1 ? ": " : "")
                + result;
    }

    private void write(List<RunConfig> grid) throws IOException {
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("data", data);
        content.put("computed_with", Environment.kernels());
        content.put("runs", runs);
        byte[] json = JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .build()
                .writeValueAsBytes(content);
        AtomicFile.write(out.resolve(RESULTS), file -> file.write(json));
        SweepPlot.write(
                out.resolve(PICTURE),
                comparedButTheSeed(grid),
                rows(grid).entrySet().stream()
                        .map(row -> row(row.getKey(), row.getValue()))
                        .toList());
    }

    private static List<String> comparedButTheSeed(List<RunConfig> grid) {
        return compared(grid).stream().filter(name -> !name.equals(SEED)).toList();
    }

    /** The runs that differ in nothing but their seed, by the values that are compared. */
    private Map<List<String>, List<Run>> rows(List<RunConfig> grid) {
        List<String> compared = comparedButTheSeed(grid);
        return runs.stream()
                .collect(Collectors.groupingBy(
                        run -> compared.stream().map(run.options::get).toList(),
                        LinkedHashMap::new,
                        Collectors.toList()));
    }

    private static SweepPlot.Row row(List<String> values, List<Run> runs) {
        List<List<Double>> accuracies = runs.stream()
                .filter(run -> run.failed == null)
                .map(run ->
                        run.history.stream().skip(1).map(EpochResult::valAcc).toList())
                .toList();
        int failed = runs.size() - accuracies.size();
        String trouble = failed == 0 ? "" : runs.size() == 1 ? "failed" : failed + " failed";
        return new SweepPlot.Row(values, accuracies, trouble);
    }
}
