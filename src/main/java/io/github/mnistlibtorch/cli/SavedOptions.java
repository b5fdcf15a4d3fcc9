package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.libtorch.Environment;
import io.github.mnistlibtorch.libtorch.PythonFormat;
import io.github.mnistlibtorch.train.Checkpoint;
import io.github.mnistlibtorch.train.Phase;
import io.github.mnistlibtorch.vision.Mnist;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/** The options of a run as a checkpoint keeps them, by name and as a person would type them. */
final class SavedOptions {
    /** With another value it is another run. */
    private static final List<String> DECIDE =
            List.of("seed", "val-size", "batch-size", "hidden-size", "dtype", "optimizer", "schedule");

    /** With another value the last digits may be others. */
    private static final List<String> MATTER = List.of("device", "threads");

    private static final String DATA = "data";

    /** Not an option, but what a launcher says; missing where one process works alone. */
    static final String WORLD_SIZE = "world-size";

    private final CommandSpec command;
    private final @Nullable Integer worldSize;
    private final List<String> differences = new ArrayList<>();

    /** @param worldSize number of processes that train together, {@code null} if there is one */
    SavedOptions(CommandSpec command, @Nullable Integer worldSize) {
        this.command = command;
        this.worldSize = worldSize;
    }

    /** What the run is asked to do. */
    Map<String, String> config(Mnist mnist) {
        Map<String, String> config = new LinkedHashMap<>();
        DECIDE.forEach(name -> config.put(name, option(name).getValue().toString()));
        config.put(DATA, describe(mnist));
        if (worldSize != null) {
            config.put(WORLD_SIZE, Integer.toString(worldSize));
        }
        return config;
    }

    /** What may change its last digits. */
    Map<String, String> computedWith(Device device) {
        Map<String, String> computedWith = Environment.kernels();
        MATTER.forEach(name -> computedWith.put(name, option(name).getValue().toString()));
        computedWith.put("device", PythonFormat.str(device));
        return computedWith;
    }

    /**
     * Gives the options that were left out the values that they had.
     *
     * @throws InputException if the checkpoint does not say
     */
    void restore(Checkpoint checkpoint) throws InputException {
        for (String name : DECIDE) {
            Object saved = restore(name, checkpoint.config().get(name), checkpoint);
            if (!saved.equals(option(name).getValue())) {
                differences.add("--" + name + " is " + option(name).getValue() + " instead of " + saved);
            }
        }
        if (checkpoint.epochs() > epochs(checkpoint)) {
            throw checkpoint.unusable("it has more epochs than its schedule");
        }
        for (String name : MATTER) {
            restore(name, checkpoint.computedWith().get(name), checkpoint);
        }
    }

    private Object restore(String name, @Nullable String text, Checkpoint checkpoint) throws InputException {
        OptionSpec option = option(name);
        try {
            if (text == null) {
                throw checkpoint.unusable("it does not say what --" + name + " was");
            }
            Object saved = option.converters().length == 0 ? text : option.converters()[0].convert(text);
            if (!command.commandLine().getParseResult().hasMatchedOption(option)) {
                option.setValue(saved);
            }
            return saved;
        } catch (TypeConversionException e) {
            throw checkpoint.unusable("its --" + name + " is " + e.getMessage());
        } catch (InputException e) {
            throw e;
        } catch (Exception e) { // that any converter might throw
            throw new IllegalStateException(e);
        }
    }

    /** @throws InputException if the checkpoint is of other options or pictures; it lists all that differ */
    void requireSame(Checkpoint checkpoint, Mnist mnist) throws InputException {
        String now = describe(mnist);
        String saved = checkpoint.config().get(DATA);
        if (!now.equals(saved)) {
            differences.add("--data holds " + now + " instead of " + saved);
        }
        String ranks = ranks(worldSize == null ? null : Integer.toString(worldSize));
        String savedRanks = ranks(checkpoint.config().get(WORLD_SIZE));
        if (!ranks.equals(savedRanks)) {
            differences.add("it was trained " + savedRanks + ", not " + ranks);
        }
        if (!differences.isEmpty()) {
            throw new InputException(checkpoint.file() + " is of another run: " + String.join(", ", differences)
                    + "; leave these options as they were, or begin a new run without --resume");
        }
    }

    private static String ranks(@Nullable String worldSize) {
        return worldSize == null ? "by one process alone" : "by a group with WORLD_SIZE " + worldSize;
    }

    static String describe(Mnist mnist) {
        return mnist.size() + " pictures (CRC-32 " + Long.toHexString(mnist.crc32()) + ")";
    }

    /** How many epochs the run of a checkpoint has in all; 0 if it does not say. */
    static long epochs(Checkpoint checkpoint) {
        try {
            String schedule = checkpoint.config().getOrDefault("schedule", "");
            return new Converters.OfSchedule()
                    .convert(schedule).phases().stream()
                            .mapToLong(Phase::epochs)
                            .sum();
        } catch (TypeConversionException e) {
            return 0;
        }
    }

    private OptionSpec option(String name) {
        return command.findOption("--" + name);
    }
}
