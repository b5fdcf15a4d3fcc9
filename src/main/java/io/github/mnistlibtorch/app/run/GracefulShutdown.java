package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.bytedeco.pytorch.Tensor;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Ends a run at Ctrl-C or SIGTERM, after the step in flight; a second signal ends the process at once. A shutdown hook,
 * for which the compiler would not warn, does not hear of the second.
 */
public final class GracefulShutdown implements RunListener, AutoCloseable {
    /** What a shell reports of a program that Ctrl-C has ended. */
    public static final int EXIT_CODE = 130;

    private static final List<String> SIGNALS = List.of("INT", "TERM");

    private final Map<Signal, SignalHandler> before;
    private final boolean mayTakeLong;
    private volatile boolean asked;

    /** Ends the run, on the training thread. */
    public static final class InterruptedRunException extends RuntimeException {
        public InterruptedRunException() {
            super("interrupted");
        }
    }

    /** @param mayTakeLong whether a step may have to wait for another process */
    public GracefulShutdown(boolean mayTakeLong) {
        this.mayTakeLong = mayTakeLong;
        before = handle(this::ask);
    }

    /** Waits for Ctrl-C or SIGTERM, the first of which does not end the process then. */
    public static void awaitSignal() {
        CountDownLatch asked = new CountDownLatch(1);
        Map<Signal, SignalHandler> before = handle(signal -> asked.countDown());
        try {
            asked.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            before.forEach(Signal::handle);
        }
    }

    /** @return what signals did before */
    private static Map<Signal, SignalHandler> handle(SignalHandler handler) {
        Map<Signal, SignalHandler> before = new HashMap<>();
        for (String name : SIGNALS) {
            try {
                Signal signal = new Signal(name);
                before.put(signal, Signal.handle(signal, handler));
            } catch (IllegalArgumentException e) {
                continue; // Java has been told to leave signals alone (-Xrs)
            }
        }
        return before;
    }

    private void ask(Signal signal) {
        if (asked) {
            Runtime.getRuntime().halt(EXIT_CODE);
        }
        // Before the run may end, so that its last line is the last.
        if (mayTakeLong) {
            System.err.println(
                    "Ending after this step, which may wait for the other ranks; Ctrl-C once more ends at once.");
        }
        asked = true;
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        endIfAsked();
    }

    @Override
    public void onBatchEnd(TrainingState training, Tensor loss) {
        endIfAsked();
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        endIfAsked();
    }

    /** @throws InterruptedRunException if the run is to end */
    public void endIfAsked() {
        if (asked) {
            throw new InterruptedRunException();
        }
    }

    /** Signals do again what they did before. */
    @Override
    public void close() {
        before.forEach(Signal::handle);
    }
}
