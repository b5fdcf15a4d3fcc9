package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.bytedeco.pytorch.Tensor;

/**
 * Shows how far a run is: on a terminal a bar that is drawn over and over and gone when the epoch is, elsewhere a line for
 * each epoch.
 */
final class ProgressBar implements RunListener {
    private static final long REDRAW_NANOSECONDS = 100_000_000;
    private static final int BAR_WIDTH = 24;
    private static final String ERASE = "\r\033[K";

    private final PrintStream out;
    private final boolean terminal;
    private final long epochs;
    private final int images;
    private final int steps;
    private final LongSupplier clock;

    private long began; // the first epoch that is trained here; nanoseconds, like all of these
    private long epochBegan;
    private long epochTrained;
    private long drawn;
    private int firstEpoch;

    /**
     * @param terminal whether {@code out} is one
     * @param epochs of the whole run
     * @param images in an epoch
     * @param batchSize images in a step
     * @param clock in nanoseconds
     */
    ProgressBar(PrintStream out, boolean terminal, long epochs, int images, int batchSize, LongSupplier clock) {
        this.out = out;
        this.terminal = terminal;
        this.epochs = epochs;
        this.images = images;
        this.steps = (images + batchSize - 1) / batchSize;
        this.clock = clock;
    }

    /** Whether standard error is seen by a person as it is written. */
    static boolean isTerminal() {
        Console console = System.console();
        if (console == null || "dumb".equals(System.getenv("TERM"))) {
            return false;
        }
        try { // from Java 22 on there is a console everywhere
            if (!(boolean) Console.class.getMethod("isTerminal").invoke(console)) {
                return false;
            }
        } catch (ReflectiveOperationException e) {
            // before that, there is one on a terminal alone
        }
        try { // a console is of standard input and output; standard error may be a file
            return Files.readSymbolicLink(Path.of("/proc/self/fd/2")).startsWith("/dev");
        } catch (IOException | UnsupportedOperationException e) {
            return true;
        }
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        firstEpoch = training.epochsDone();
        began = clock.getAsLong();
        epochBegan = began;
        drawn = began;
    }

    @Override
    public void onBatchEnd(TrainingState training, Tensor loss) {
        if (training.step() == steps) {
            epochTrained = clock.getAsLong();
            if (terminal) {
                out.print(ERASE);
                out.flush();
            }
        } else if (terminal && clock.getAsLong() - drawn >= REDRAW_NANOSECONDS) {
            draw(
                    training,
                    loss.is_cpu()
                            ? String.format(Locale.ROOT, "loss %.4f ", loss.item_double())
                            : lastEpochs(training));
        }
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        int done = training.epochsDone();
        if (!terminal) {
            out.printf(
                    Locale.ROOT,
                    "%d of %d epochs done, training loss %.4f, %s%s%n",
                    done,
                    epochs,
                    training.trainLoss(),
                    speed(images, epochTrained),
                    done < epochs ? ", " + timeLeft(done) + " left" : "");
        }
        epochBegan = clock.getAsLong();
        drawn = epochBegan;
    }

    /** To read the loss of a step would make the training thread wait for the GPU. */
    private static String lastEpochs(TrainingState training) {
        return training.epochsDone() == 0
                ? ""
                : String.format(Locale.ROOT, "last epoch's loss %.4f ", training.trainLoss());
    }

    private void draw(TrainingState training, String loss) {
        int step = training.step();
        int epoch = training.epochsDone();
        drawn = clock.getAsLong();
        int filled = BAR_WIDTH * step / steps;
        out.printf(
                Locale.ROOT,
                "%sepoch %d/%d [%s%s] %d/%d %s%s %s left",
                ERASE,
                epoch + 1,
                epochs,
                "#".repeat(filled),
                "-".repeat(BAR_WIDTH - filled),
                step,
                steps,
                loss,
                speed((long) images * step / steps, drawn),
                timeLeft(epoch + (double) step / steps));
        out.flush();
    }

    private String speed(long done, long now) {
        double seconds = Math.max(1, now - epochBegan) / 1e9;
        return String.format(Locale.ROOT, "%,.0f images/s", done / seconds);
    }

    /** As long as the rest takes, evaluations and all, if it goes on as it has gone here so far. */
    private String timeLeft(double epochsDone) {
        double done = epochsDone - firstEpoch;
        double rest = epochs - epochsDone;
        long seconds = Math.round((clock.getAsLong() - began) / 1e9 * rest / done);
        return seconds < 3600
                ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
}
