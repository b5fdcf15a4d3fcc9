package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.libtorch.PythonFormat;
import io.github.mnistlibtorch.parity.Trace;
import io.github.mnistlibtorch.train.OptimizerFactory;
import io.github.mnistlibtorch.train.Phase;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Values of options from their text; what makes no sense is refused with a sentence that says what would. */
final class Converters {
    /** Small enough that five batches can be counted in an int. */
    private static final int MAX_SIZE = 100_000_000;

    private static final int MAX_HIDDEN = 1_000_000;

    private static final int MAX_LAYERS = 100;

    private static final int MAX_THREADS = 1_000;

    /** A day. */
    private static final int MAX_SECONDS = 86_400;

    private Converters() {}

    /** The calls of {@code fit}, in order. */
    record Schedule(List<Phase> phases) {
        /** As a person would type it. */
        @Override
        public String toString() {
            return phases.stream()
                    .map(phase -> phase.epochs() + "@" + PythonFormat.repr(phase.lr()))
                    .collect(Collectors.joining(","));
        }
    }

    static final class OfSchedule implements ITypeConverter<Schedule> {
        @Override
        public Schedule convert(String text) {
            return new Schedule(Arrays.stream(text.split(",", -1))
                    .map(phase -> phase(phase, text))
                    .toList());
        }

        private static Phase phase(String phase, String text) {
            String[] parts = phase.split("@", -1);
            try {
                int epochs = Integer.parseInt(parts[0]);
                double lr = Double.parseDouble(parts[1]);
                if (parts.length == 2 && epochs > 0 && lr >= 0 && Double.isFinite(lr)) {
                    return new Phase(epochs, lr);
                }
            } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
                // said below
            }
            throw new TypeConversionException(
                    "'" + text
                            + "' is not EPOCHS@LR,… such as 5@0.5,5@0.1 for five epochs at learning rate 0.5, then five at 0.1");
        }
    }

    static final class OfSize implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return between(1, MAX_SIZE, text);
        }
    }

    /** Units of the hidden layers, in order. */
    record Hidden(List<Integer> sizes) {
        /** As a person would type it. */
        @Override
        public String toString() {
            return sizes.stream().map(String::valueOf).collect(Collectors.joining(","));
        }
    }

    static final class OfHidden implements ITypeConverter<Hidden> {
        @Override
        public Hidden convert(String text) {
            List<Integer> sizes = Arrays.stream(text.split(",", -1))
                    .map(size -> between(1, MAX_HIDDEN, size))
                    .toList();
            if (sizes.size() > MAX_LAYERS) {
                throw new TypeConversionException("'" + text + "' is more than " + MAX_LAYERS + " hidden layers");
            }
            return new Hidden(sizes);
        }
    }

    static final class OfSeed implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            try {
                return Long.parseLong(text);
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'" + text + "' is not a whole number of 64 bits");
            }
        }
    }

    static final class OfPath implements ITypeConverter<Path> {
        @Override
        public Path convert(String text) {
            if (text.isBlank()) {
                throw new TypeConversionException("'" + text + "' names no file or folder");
            }
            try {
                return Path.of(text);
            } catch (InvalidPathException e) {
                throw new TypeConversionException("'" + text + "' cannot be a path here (" + e.getReason() + ")");
            }
        }
    }

    static final class OfThreads implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return between(1, MAX_THREADS, text);
        }
    }

    static final class OfWorkers implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return between(0, MAX_THREADS, text);
        }
    }

    static final class OfSeconds implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return between(1, MAX_SECONDS, text);
        }
    }

    static final class OfOptimizer implements ITypeConverter<String> {
        @Override
        public String convert(String text) {
            String name = text.toLowerCase(Locale.ROOT);
            if (!OptimizerFactory.NAMES.contains(name)) {
                throw new TypeConversionException("'" + text + "' is not one of " + OptimizerFactory.NAMES);
            }
            return name;
        }
    }

    static final class OfDtype implements ITypeConverter<String> {
        @Override
        public String convert(String name) {
            if (!name.equals("float32") && !name.equals("float64")) {
                throw new TypeConversionException("'" + name + "' is not float32 or float64");
            }
            return name;
        }
    }

    /** Whether the options of {@code train} could ask for this run. */
    static boolean isReasonable(Trace.Config config) {
        return config.hiddenSizes().size() <= MAX_LAYERS
                && config.hiddenSizes().stream().allMatch(size -> size <= MAX_HIDDEN)
                && config.batchSize() <= MAX_SIZE
                && config.valSize() <= MAX_SIZE
                && config.numWorkers() <= MAX_THREADS;
    }

    private static int between(int least, int most, String text) {
        try {
            int value = Integer.parseInt(text);
            if (least <= value && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new TypeConversionException("'" + text + "' is not a whole number from " + least + " to " + most);
    }
}
