package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.MnistTutorial.Phase;
import io.github.mnistlibtorch.train.OptimizerFactory;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Values of options from their text; what makes no sense is refused with a sentence that says what would. */
final class Converters {
    /** Small enough that five batches can be counted in an int. */
    private static final int MAX_SIZE = 100_000_000;

    private static final int MAX_HIDDEN = 1_000_000;

    private static final int MAX_THREADS = 1_000;

    private Converters() {}

    /** The calls of {@code fit}, in order. */
    record Schedule(List<Phase> phases) {}

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

    static final class OfHidden implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return between(1, MAX_HIDDEN, text);
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

    static final class OfOptimizer implements ITypeConverter<OptimizerFactory> {
        @Override
        public OptimizerFactory convert(String name) {
            try {
                return OptimizerFactory.named(name);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    static final class OfDtype implements ITypeConverter<ScalarType> {
        @Override
        public ScalarType convert(String name) {
            return switch (name) {
                case "float32" -> ScalarType.Float;
                case "float64" -> ScalarType.Double;
                default -> throw new TypeConversionException("'" + name + "' is not float32 or float64");
            };
        }
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
