package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.MnistCnn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * What a run is asked to do: the command line fills it, checkpoints and traces store it, ranks compare it, {@code sweep} varies
 * it.
 *
 * @param model one of {@link MnistModels#NAMES}
 * @param hiddenSizes units of each hidden layer of {@code mlp}; empty for other models
 * @param seed of every random draw: {@code torch.manual_seed(seed)}
 * @param valSize examples held out for validation
 * @param batchSize examples in a training batch
 * @param valBatchSize examples in a validation batch; the article's have twice as many
 * @param dtype {@code float32}, or {@code float64} with weights that are drawn in float32 and widened
 * @param optimizer one of {@link OptimizerFactory#NAMES}
 * @param schedule the calls of {@code fit}, in order
 * @param numWorkers threads of each loader; 0 loads on the training thread. Changes no digit
 * @param data what the images are, in words; empty where that is not known
 * @param worldSize number of processes that train together, {@code null} if one trains alone
 * @param images what the model takes, and its classes
 */
public record RunConfig(
        String model,
        List<Integer> hiddenSizes,
        long seed,
        int valSize,
        int batchSize,
        int valBatchSize,
        String dtype,
        String optimizer,
        List<Phase> schedule,
        int numWorkers,
        String data,
        @Nullable Integer worldSize,
        ImageSpec images) {
    /** The options that decide what is computed: with another value it is another run. */
    public static final List<String> OPTIONS =
            List.of("model", "seed", "val-size", "batch-size", "hidden-size", "dtype", "optimizer", "schedule");

    public static final String DATA = "data";

    /** Not an option, but what a launcher says. */
    public static final String WORLD_SIZE = "world-size";

    /** What {@link #differences} says of an option that a run does not have. */
    public static final String NONE = "none";

    private static final String MLP = "mlp";

    /** More threads would wait for each other. */
    public static final int MAX_WORKERS = 1_000;

    /** Small enough that five batches can be counted in an int. */
    private static final int MAX_SIZE = 100_000_000;

    private static final int MAX_HIDDEN = 1_000_000;
    private static final int MAX_LAYERS = 100;

    /**
     * One thing in which two runs differ.
     *
     * @param name as in {@link #options}
     * @param expected its value in this one, and {@code actual} in the other
     */
    public record Difference(String name, String expected, String actual) {}

    /**
     * From options as a person would type them, by name.
     *
     * @param options as {@link #options} gives them
     * @throws IllegalArgumentException if one is missing or makes no sense
     */
    public static RunConfig of(Map<String, String> options, int numWorkers) {
        String model = options.containsKey("model") ? valid("model", options) : MLP;
        int batchSize = Integer.parseInt(valid("batch-size", options));
        between(0, MAX_WORKERS, Integer.toString(numWorkers));
        return new RunConfig(
                model,
                model.equals(MLP) ? hiddenSizes(valid("hidden-size", options)) : List.of(),
                Long.parseLong(valid("seed", options)),
                Integer.parseInt(valid("val-size", options)),
                batchSize,
                2 * batchSize,
                valid("dtype", options),
                valid("optimizer", options),
                Phase.schedule(valid("schedule", options)),
                numWorkers,
                options.getOrDefault(DATA, ""),
                options.containsKey(WORLD_SIZE) ? worldSize(options.get(WORLD_SIZE)) : null,
                ImageSpec.MNIST);
    }

    private static String valid(String name, Map<String, String> options) {
        String text = options.get(name);
        if (text == null) {
            throw new IllegalArgumentException("it does not say what --" + name + " was");
        }
        try {
            return canonical(name, text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("its --" + name + " is " + e.getMessage(), e);
        }
    }

    private static @Nullable Integer worldSize(@Nullable String text) {
        try {
            return Integer.valueOf(String.valueOf(text));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("its " + WORLD_SIZE + " is '" + text + "', which is no number", e);
        }
    }

    /**
     * An option's value as this program writes it.
     *
     * @param name one of {@link #OPTIONS}
     * @throws IllegalArgumentException if it makes no sense; the message says what would
     */
    public static String canonical(String name, String text) {
        return switch (name) {
            case "seed" -> seed(text);
            case "val-size", "batch-size" -> Integer.toString(between(1, MAX_SIZE, text));
            case "hidden-size" -> join(hiddenSizes(text));
            case "schedule" -> Phase.format(Phase.schedule(text));
            case "dtype" -> oneOf(List.of("float32", "float64"), text, text + "' is not float32 or float64");
            case "optimizer" -> {
                String lower = text.toLowerCase(Locale.ROOT);
                yield oneOf(OptimizerFactory.NAMES, lower, text + "' is not one of " + OptimizerFactory.NAMES);
            }
            case "model" -> oneOf(MnistModels.NAMES, text, text + "' is not one of " + MnistModels.NAMES);
            default -> throw new IllegalStateException(name);
        };
    }

    private static String oneOf(List<String> names, String name, String otherwise) {
        if (!names.contains(name)) {
            throw new IllegalArgumentException("'" + otherwise);
        }
        return name;
    }

    private static String seed(String text) {
        try {
            return Long.toString(Long.parseLong(text));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is not a whole number of 64 bits", e);
        }
    }

    private static List<Integer> hiddenSizes(String text) {
        List<Integer> sizes = Arrays.stream(text.split(",", -1))
                .map(size -> between(1, MAX_HIDDEN, size))
                .toList();
        if (sizes.size() > MAX_LAYERS) {
            throw new IllegalArgumentException("'" + text + "' is more than " + MAX_LAYERS + " hidden layers");
        }
        return sizes;
    }

    private static String join(List<Integer> sizes) {
        return sizes.stream().map(String::valueOf).collect(Collectors.joining(","));
    }

    /**
     * A whole number from its text.
     *
     * @throws IllegalArgumentException if it is out of range
     */
    public static int between(int least, int most, String text) {
        try {
            int value = Integer.parseInt(text);
            if (least <= value && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException("'" + text + "' is not a whole number from " + least + " to " + most);
    }

    /** All that decides what is computed, by name and as a person would type it; what is the article's model is not said. */
    public Map<String, String> options() {
        Map<String, String> options = new LinkedHashMap<>();
        if (!model.equals(MLP)) {
            options.put("model", model);
        }
        options.put("seed", Long.toString(seed));
        options.put("val-size", Integer.toString(valSize));
        options.put("batch-size", Integer.toString(batchSize));
        if (model.equals(MLP)) {
            options.put("hidden-size", join(hiddenSizes));
        }
        options.put("dtype", dtype);
        options.put("optimizer", optimizer);
        options.put("schedule", Phase.format(schedule));
        if (!data.isEmpty()) {
            options.put(DATA, data);
        }
        if (worldSize != null) {
            options.put(WORLD_SIZE, Integer.toString(worldSize));
        }
        return options;
    }

    /** All in which another run differs from this one; the number of workers does not matter. */
    public List<Difference> differences(RunConfig other) {
        Map<String, String> here = options();
        Map<String, String> there = other.options();
        here.put("val-batch-size", Integer.toString(valBatchSize));
        there.put("val-batch-size", Integer.toString(other.valBatchSize));
        here.putIfAbsent("model", MLP);
        there.putIfAbsent("model", MLP);
        Set<String> names = new LinkedHashSet<>(here.keySet());
        names.addAll(there.keySet());
        if (!model.equals(other.model)) {
            names.remove("hidden-size"); // only one of them may have it
        }
        List<Difference> differences = new ArrayList<>();
        for (String name : names) {
            String expected = here.getOrDefault(name, NONE);
            String actual = there.getOrDefault(name, NONE);
            if (!expected.equals(actual)) {
                differences.add(new Difference(name, expected, actual));
            }
        }
        return differences;
    }

    /** This, with what is known only when the program runs. */
    public RunConfig with(String data, @Nullable Integer worldSize) {
        return copy(valSize, dtype, schedule, data, worldSize, images);
    }

    /** This, for other images. */
    public RunConfig with(ImageSpec images) {
        return copy(valSize, dtype, schedule, data, worldSize, images);
    }

    /** This, with another number of examples held out and another schedule. */
    public RunConfig with(int valSize, List<Phase> schedule) {
        return copy(valSize, dtype, schedule, data, worldSize, images);
    }

    /** This, in another dtype. */
    public RunConfig withDtype(String dtype) {
        return copy(valSize, dtype, schedule, data, worldSize, images);
    }

    private RunConfig copy(
            int valSize,
            String dtype,
            List<Phase> schedule,
            String data,
            @Nullable Integer worldSize,
            ImageSpec images) {
        return new RunConfig(
                model,
                hiddenSizes,
                seed,
                valSize,
                batchSize,
                valBatchSize,
                dtype,
                optimizer,
                schedule,
                numWorkers,
                data,
                worldSize,
                images);
    }

    /** Number of epochs in the whole schedule. */
    public long epochs() {
        return schedule.stream().mapToLong(Phase::epochs).sum();
    }

    /** What to compute in. */
    public ScalarType scalarType() {
        return dtype.equals("float64") ? ScalarType.Double : ScalarType.Float;
    }

    /** A model that has drawn its weights, float32 on the CPU; the caller closes it. */
    public ImageClassificationBase newModel() {
        return MnistModels.create(model, hiddenSizes, images);
    }

    /**
     * Checks that something is left to train on, and that the model can be made for it.
     *
     * @param size of the whole training set
     * @param remedy for the person
     */
    public void requireTrainingExamples(int size, String remedy) throws InputException {
        if (valSize >= size) {
            throw new InputException("the training set has " + size + " pictures, which leaves none to train on with "
                    + valSize + " held out; " + remedy);
        }
        if (Math.min(images.rows(), images.columns()) < MnistCnn.LEAST_SIDE && !model.equals(MLP)) {
            throw new InputException("pictures of " + images.rows() + " x " + images.columns()
                    + " pixels are too small for --model " + model + "; use --model " + MLP);
        }
    }
}
