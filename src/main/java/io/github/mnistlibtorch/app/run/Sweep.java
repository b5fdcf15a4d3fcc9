package io.github.mnistlibtorch.app.run;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.GracefulShutdown.InterruptedRunException;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import io.github.mnistlibtorch.tutorial.listeners.TerminateOnNaN;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Runs with every combination of some options, one after another, and what came of them. */
public final class Sweep {
    /** The option of which several values are several runs of the same. */
    public static final String SEED = "seed";

    /** All that decides the digits of a run, but the images, in the order in which it is written. */
    private static final List<String> COLUMNS =
            List.of("schedule", "hidden-size", "batch-size", "optimizer", "val-size", "dtype", SEED);

    private final List<RunConfig> grid;
    private final List<String> compared;
    private final List<Run> runs = new ArrayList<>();
    private @Nullable Path weights;

    /**
     * What came of a run, as it is written to the file.
     *
     * @param failed why it did not come to its end, as where its loss was no number any more; {@code null} if it did
     * @param history the evaluation before training and after each epoch; empty if it failed
     * @param trainLosses of the epochs that it came to
     */
    public record Run(
            Map<String, String> options,
            double seconds,
            @Nullable String failed,
            List<EpochResult> history,
            List<Double> trainLosses) {
        public EpochResult last() {
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

    /** Keeps the weights of the best run so far. */
    private final class BestWeights implements RunListener {
        private final ImageSpec images;
        private double accuracy = Double.NEGATIVE_INFINITY;

        BestWeights(ImageSpec images) {
            this.images = images;
        }

        @Override
        public void onEpochEnd(TrainingState training, EpochResult result) {
            accuracy = result.valAcc();
        }

        @Override
        public void onRunEnd(ImageClassificationBase model) {
            Run best = best();
            if (weights != null && (best == null || accuracy > best.last().valAcc())) {
                try (TensorScope scope = TensorScope.open()) {
                    PtFile.write(weights, StateDict.of(model), images.toMetadata());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    /** @param values of every option of a run, one or more, distinct; those of the last option vary fastest */
    public Sweep(Map<String, List<String>> values, int numWorkers) {
        List<Map<String, String>> combinations = List.of(Map.of());
        for (Map.Entry<String, List<String>> option : values.entrySet()) {
            combinations = combinations.stream()
                    .flatMap(options -> option.getValue().stream().map(value -> {
                        Map<String, String> longer = new HashMap<>(options);
                        longer.put(option.getKey(), value);
                        return longer;
                    }))
                    .toList();
        }
        grid = combinations.stream()
                .map(options -> RunConfig.of(options, numWorkers))
                .toList();
        compared = COLUMNS.stream()
                .filter(name -> requireNonNull(values.get(name)).size() > 1)
                .toList();
    }

    /** Every combination. */
    public List<RunConfig> grid() {
        return grid;
    }

    /** The options that have more than one value, of which the seed is always the last. */
    public List<String> compared() {
        return compared;
    }

    /** The same without the seed. */
    public List<String> comparedButTheSeed() {
        return compared.stream().filter(name -> !name.equals(SEED)).toList();
    }

    /** Lets the runs to come write their weights there, each if its {@code val_acc} at the end is the highest so far. */
    public void keepBest(Path weights) {
        this.weights = weights;
    }

    /** The runs that are done, in their order. */
    public List<Run> runs() {
        return List.copyOf(runs);
    }

    /** The run with the highest {@code val_acc} at its end, the first of equal ones; {@code null} if none came to its end. */
    public @Nullable Run best() {
        Run best = null;
        for (Run run : runs) {
            if (run.failed == null
                    && (best == null || run.last().valAcc() > best.last().valAcc())) {
                best = run;
            }
        }
        return best;
    }

    /** The runs that differ in nothing but their seed, by the values that are compared. */
    public Map<List<String>, List<Run>> rows() {
        List<String> names = comparedButTheSeed();
        return runs.stream()
                .collect(Collectors.groupingBy(
                        run -> names.stream().map(run.options::get).toList(), LinkedHashMap::new, Collectors.toList()));
    }

    /**
     * Trains one of the {@link #grid}.
     *
     * @throws InterruptedRunException if {@code interruption} ends it
     */
    public Run train(RunConfig config, Dataset<LabeledImage> dataset, Device device, GracefulShutdown interruption)
            throws IOException {
        TrainingLosses losses = new TrainingLosses();
        List<EpochResult> history = List.of();
        String failed = null;
        long began = System.nanoTime();
        try {
            history = new TrainingRun(config, dataset, device)
                    .printNothing() // its lines would hide those of the comparison
                    .listeners(
                            new TerminateOnNaN(/* everyStep= */ true),
                            losses,
                            interruption,
                            new BestWeights(config.images()))
                    .run();
        } catch (InterruptedRunException e) {
            throw e;
        } catch (
                UncheckedIOException e) { // the weights of the best could not be written: no more could those of others
            throw e.getCause();
        } catch (RuntimeException e) { // as when its loss is no number any more, or LibTorch has no memory for it
            failed = LibTorch.firstLine(e);
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        Map<String, String> options = new LinkedHashMap<>();
        COLUMNS.forEach(
                name -> options.put(name, requireNonNull(config.options().get(name))));
        Run run = new Run(options, seconds, failed, history, losses.ofEpochs);
        runs.add(run);
        return run;
    }

    /** Writes the runs that are done as JSON, and {@code data}, what their images are. */
    public void write(Path file, String data) throws IOException {
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("data", data);
        content.put("computed_with", Environment.kernels());
        content.put("runs", runs);
        byte[] json = JsonMapper.builder()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .build()
                .writeValueAsBytes(content);
        AtomicFile.write(file, out -> out.write(json));
    }
}
