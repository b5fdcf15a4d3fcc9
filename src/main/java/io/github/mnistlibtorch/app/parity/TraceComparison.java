package io.github.mnistlibtorch.app.parity;

import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Two runs of the article, compared from the first draw to the last: the first check that fails names the bug.
 *
 * <p>What is counted and drawn has to be equal. What is computed may differ by the rounding of sums
 * ({@link Tolerance}); after a ReLU fork, which a float32 run may have, it may differ by more, as two correct runs do.
 */
public final class TraceComparison {
    /** Of {@code val_loss} after a fork, absolute; about three times the most that was seen between correct runs. */
    private static final double VAL_LOSS_AFTER_FORK = 5e-3;

    /** Of {@code val_acc} after a fork, absolute; twice the most that was seen. */
    private static final double VAL_ACC_AFTER_FORK = 3e-3;

    private static final List<String> CONFIGURATION = List.of(
            "model", "seed", "hidden-size", "batch-size", "val-batch-size", "val-size", "schedule", "optimizer");

    private final Trace expected;
    private final Trace actual;
    private final ForkReport forks;
    private final Tolerance tolerance;
    private final int stepsInEpoch;

    private TraceComparison(Trace expected, Trace actual, ForkReport forks) {
        this.expected = expected;
        this.actual = actual;
        this.forks = forks;
        this.tolerance = Tolerance.of(expected, actual);
        this.stepsInEpoch = expected.epochs().get(0).trainLosses().size();
    }

    /**
     * Compares {@code actual} with {@code expected}.
     *
     * @param forks how the actual run was led along the expected one; {@link ForkReport#NONE} if it was not
     * @return the results, lowest first
     */
    public static List<CheckResult> compare(Trace expected, Trace actual, ForkReport forks) {
        TraceComparison runs = new TraceComparison(expected, actual, forks);
        ParameterComparison parameters = new ParameterComparison(expected, actual, runs.tolerance);
        List<CheckResult> results = new ArrayList<>(List.of(
                CheckResult.of("configuration", runs::configuration),
                CheckResult.of("split", runs::split),
                CheckResult.of("initial parameters", parameters::initial),
                CheckResult.of("before training", runs::beforeTraining),
                CheckResult.of("batch orders", runs::batchOrders),
                CheckResult.of("step losses", runs::stepLosses),
                CheckResult.of("validation", runs::validation),
                CheckResult.of("printed lines", runs::printedLines),
                CheckResult.of("final parameters", parameters::trained),
                CheckResult.of("random generator", runs::generator)));
        if (isExact(expected, actual)) {
            results.add(0, CheckResult.of("library", runs::library));
            results.add(results.size() - 1, CheckResult.of("optimizer state", parameters::optimizerState));
        }
        return results;
    }

    /** Whether the two runs have to be equal, bit for bit: both were computed with the same library on the same machine. */
    public static boolean isExact(Trace expected, Trace actual) {
        return Tolerance.of(expected, actual) == Tolerance.EXACT;
    }

    private String library() {
        Trace.Producer producer = expected.producer();
        return "the same (LibTorch " + producer.torch() + ", " + producer.blas() + ", " + producer.cpuCapability()
                + "): every number has to be equal, bit for bit";
    }

    /** How many workers load the batches is no part of it: it changes no digit. */
    private String configuration() throws CheckFailedException {
        String differences = expected.config().differences(actual.config()).stream()
                .filter(difference -> !difference.name().equals("dtype"))
                .sorted(Comparator.comparingInt(difference -> CONFIGURATION.indexOf(difference.name())))
                .map(difference -> difference.name().replace('-', '_') + " is " + difference.actual() + " instead of "
                        + difference.expected())
                .collect(Collectors.joining("; "));
        if (!differences.isEmpty()) {
            throw new CheckFailedException(differences);
        }
        String here = expected.config().dtype();
        String there = actual.config().dtype();
        return "equal, " + (here.equals(there) ? here : here + " against " + there);
    }

    private String split() throws CheckFailedException {
        Trace.Split here = expected.split();
        Trace.Split there = actual.split();
        if (!here.trainSha256().equals(there.trainSha256())) {
            throw new CheckFailedException("train indices", here.trainHead(), there.trainHead());
        }
        if (!here.valSha256().equals(there.valSha256())) {
            throw new CheckFailedException("val indices", here.valHead(), there.valHead());
        }
        return "indices equal";
    }

    private String beforeTraining() throws CheckFailedException {
        Trace.Evaluation here = expected.before();
        Trace.Evaluation there = actual.before();
        double distance = tolerance.between(here.valLoss(), there.valLoss());
        if (distance > tolerance.allowed()) {
            throw new CheckFailedException("val_loss", here.valLoss(), there.valLoss());
        }
        if (Double.compare(here.valAcc(), there.valAcc()) != 0) {
            throw new CheckFailedException("val_acc", here.valAcc(), there.valAcc());
        }
        return "val_loss " + apart(distance) + ", val_acc equal";
    }

    private String batchOrders() throws CheckFailedException {
        for (int i = 0; i < commonEpochs(); i++) {
            Trace.Epoch here = expected.epochs().get(i);
            Trace.Epoch there = actual.epochs().get(i);
            if (!here.batchOrderSha256().equals(there.batchOrderSha256())) {
                throw new CheckFailedException(epoch(i), here.batchOrderHead(), there.batchOrderHead());
            }
        }
        return expected.epochs().size() + " epochs equal";
    }

    private String stepLosses() throws CheckFailedException {
        double[] here = expected.losses();
        double[] there = actual.losses();
        if (here.length != there.length) {
            throw new CheckFailedException(there.length + " steps instead of " + here.length);
        }
        int largest = 0;
        double distance = 0;
        for (int step = 0; step < here.length; step++) {
            double apart = tolerance.between(here[step], there[step]);
            if (apart > allowedLoss(step)) {
                throw new CheckFailedException(step(step) + ": " + CheckFailedException.numbers(here[step], there[step])
                        + ", at most " + Tolerance.format(distance) + " before; " + cause());
            }
            if (apart > distance) {
                largest = step;
                distance = apart;
            }
        }
        int turned = forks.forks().size();
        return here.length + " steps, "
                + (distance == 0 ? "all equal" : apart(distance) + " at most, at " + step(largest))
                + (turned == 0 ? "" : "; gates turned at ReLU forks: " + turned);
    }

    private String cause() {
        if (forks.lost() != null) {
            return forks.lost();
        }
        if (tolerance == Tolerance.EXACT) {
            return "the library is the same, so the programs differ";
        }
        if (tolerance == Tolerance.FLOAT64) {
            return "float64 has no ReLU forks to excuse it";
        }
        if (!expected.config().dtype().equals(actual.config().dtype())) {
            return "no ReLU fork is sought between a float32 and a float64 run";
        }
        return Trace.mayFork(expected.config())
                ? "whether a ReLU fork is the cause, only a run can tell: parity TRACE without --against"
                : "ReLU forks are sought for sgd and one hidden layer only";
    }

    private String validation() throws CheckFailedException {
        double largest = 0;
        double largestAcc = 0;
        double largestAcross = 0;
        for (int i = 0; i < commonEpochs(); i++) {
            Trace.Epoch here = expected.epochs().get(i);
            Trace.Epoch there = actual.epochs().get(i);
            boolean across = forks.isAcrossTheEndOf(i, stepsInEpoch);
            double loss = tolerance.between(here.valLoss(), there.valLoss());
            if (loss > (across ? VAL_LOSS_AFTER_FORK : allowedValLoss(i))) {
                throw new CheckFailedException(epoch(i) + ", val_loss", here.valLoss(), there.valLoss());
            }
            double acc = Tolerance.FLOAT32.between(here.valAcc(), there.valAcc());
            if (acc > (across ? VAL_ACC_AFTER_FORK : forks.allowedAcc(i))) {
                throw new CheckFailedException(epoch(i) + ", val_acc", here.valAcc(), there.valAcc());
            }
            if (across) {
                largestAcross = Math.max(largestAcross, Math.max(loss, acc));
            } else {
                largest = Math.max(largest, loss);
                largestAcc = Math.max(largestAcc, acc);
            }
        }
        return expected.epochs().size() + " epochs, val_loss " + apart(largest) + ", val_acc " + apart(largestAcc)
                + (largestAcross == 0
                        ? ""
                        : "; where the gate was turned after it, " + Tolerance.format(largestAcross));
    }

    private String printedLines() throws CheckFailedException {
        int equal = 0;
        for (int i = 0; i < commonEpochs(); i++) {
            Trace.Epoch here = expected.epochs().get(i);
            Trace.Epoch there = actual.epochs().get(i);
            if (here.line().equals(there.line())) {
                equal++;
            } else if (!forks.isAcrossTheEndOf(i, stepsInEpoch) && !areRoundedApart(i, here, there)) {
                throw new CheckFailedException(
                        epoch(i) + ": expected \"" + here.line() + "\", found \"" + there.line() + "\"");
            }
        }
        int lines = expected.epochs().size();
        return equal == lines ? lines + " equal" : equal + " of " + lines + " equal";
    }

    /** Whether both lines say what was computed: numbers within the tolerance may still be rounded to other digits. */
    private boolean areRoundedApart(int index, Trace.Epoch here, Trace.Epoch there) {
        return saysWhatWasComputed(here)
                && saysWhatWasComputed(there)
                && tolerance.between(here.valLoss(), there.valLoss()) <= allowedValLoss(index)
                && Math.abs(here.valAcc() - there.valAcc()) <= forks.allowedAcc(index);
    }

    private static boolean saysWhatWasComputed(Trace.Epoch epoch) {
        return new EpochResult(epoch.valLoss(), epoch.valAcc())
                .line(epoch.epoch())
                .equals(epoch.line());
    }

    private String generator() throws CheckFailedException {
        if (expected.nextInt64() != actual.nextInt64()) {
            throw new CheckFailedException(
                    "next int64: expected " + expected.nextInt64() + ", found " + actual.nextInt64());
        }
        return "next int64 equal";
    }

    private double allowedLoss(int step) {
        return ForkReport.Excursion.allowed(forks.excursions(), step, tolerance);
    }

    /** The difference that the loss of an evaluation may have: that of the last step before it. */
    private double allowedValLoss(int epoch) {
        return allowedLoss((epoch + 1) * stepsInEpoch - 1);
    }

    private int commonEpochs() {
        return Math.min(expected.epochs().size(), actual.epochs().size());
    }

    private String step(int step) {
        return "step " + step + " (" + epoch(step / stepsInEpoch) + ", batch " + step % stepsInEpoch + ")";
    }

    /** An epoch of the whole run by its place in the schedule, all counted from 0 but the calls of {@code fit}. */
    private String epoch(int index) {
        int fit = 1;
        int first = 0;
        for (Phase phase : expected.config().schedule()) {
            if (index < first + phase.epochs()) {
                break;
            }
            first += phase.epochs();
            fit++;
        }
        return "epoch " + (index - first) + " of fit " + fit;
    }

    private String apart(double distance) {
        return distance == 0 ? "equal" : Tolerance.format(distance) + " apart";
    }
}
