package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.RunConfig;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.Supplier;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Values of options from their text; what makes no sense is refused with a sentence that says what would. */
final class Converters {
    private static final int MAX_THREADS = 1_000;

    /** A day. */
    private static final int MAX_SECONDS = 86_400;

    private Converters() {}

    static Path path(String text) {
        if (text.isBlank()) {
            throw new TypeConversionException("'" + text + "' names no file or folder");
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            boolean isUtf8 = "UTF-8".equals(System.getProperty("sun.jnu.encoding"));
            throw new TypeConversionException("'" + text + "' cannot be a path here (" + e.getReason() + ")"
                    + (isUtf8 ? "" : "; use a locale with all characters, such as LC_ALL=C.UTF-8"));
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
            return between(0, RunConfig.MAX_WORKERS, text);
        }
    }

    static final class OfSeconds implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return between(1, MAX_SECONDS, text);
        }
    }

    private static int between(int least, int most, String text) {
        return valid(() -> RunConfig.between(least, most, text));
    }

    /** Tells picocli of a value that is refused. */
    static <T> T valid(Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
