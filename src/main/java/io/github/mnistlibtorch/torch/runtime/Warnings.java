package io.github.mnistlibtorch.torch.runtime;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Python's {@code warnings.warn}: says a thing that is not an error, once for each text.
 *
 * <p>Warnings go to {@link System.Logger} until a program {@linkplain #showWith says otherwise}.
 */
public final class Warnings {
    private static final Set<String> SAID = ConcurrentHashMap.newKeySet();
    private static final Consumer<String> LOGGER =
            message -> System.getLogger("mnistlibtorch").log(System.Logger.Level.WARNING, message);

    private static volatile Consumer<String> sink = LOGGER;

    private Warnings() {}

    /** Shows {@code message}, unless it was shown before ({@code warnings.warn(message)} under the default filter). */
    public static void warn(String message) {
        if (SAID.add(message)) {
            sink.accept(message);
        }
    }

    /** Sends warnings to {@code sink} from now on and forgets which were shown ({@code warnings.showwarning = sink}). */
    public static void showWith(Consumer<String> sink) {
        Warnings.sink = sink;
        SAID.clear();
    }

    /** Sends warnings to the logger again and forgets which were shown ({@code warnings.resetwarnings()}). */
    public static void reset() {
        showWith(LOGGER);
    }
}
