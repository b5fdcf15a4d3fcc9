package io.github.mnistlibtorch.app.parity;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
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

    /** ATen's kernels that multiply and add with one rounding, and so draw the same weights to the last bit. */
    private static final Set<String> FMA_KERNELS = Set.of("AVX2", "AVX512");

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
        TraceComparison comparison = new TraceComparison(expected, actual, forks);
        List<CheckResult> results = new ArrayList<>(List.of(
                comparison.configuration(),
                comparison.split(),
                comparison.initialParameters(),
                comparison.beforeTraining(),
                comparison.batchOrders(),
                comparison.stepLosses(),
                comparison.validation(),
                comparison.printedLines(),
                comparison.finalParameters(),
                comparison.generator()));
        if (isExact(expected, actual)) {
            results.add(0, comparison.library());
            results.add(results.size() - 1, comparison.optimizerState());
        }
        return results;
    }

    /** Whether the two runs have to be equal, bit for bit: both were computed with the same library on the same machine. */
    public static boolean isExact(Trace expected, Trace actual) {
        return Tolerance.of(expected, actual) == Tolerance.EXACT;
    }

    private CheckResult library() {
        Trace.Producer producer = expected.producer();
        return new CheckResult(
                "library",
                true,
                "the same (LibTorch " + producer.torch() + ", " + producer.blas() + ", " + producer.cpuCapability()
                        + "): every number has to be equal, bit for bit");
    }

    private CheckResult optimizerState() {
        Map<String, Trace.FinalParameter> here = expected.optimizerState();
        Map<String, Trace.FinalParameter> there = actual.optimizerState();
        String name = "optimizer state";
        if (!here.keySet().equals(there.keySet())) {
            return new CheckResult(name, false, "there is " + there.keySet() + " instead of " + here.keySet());
        }
        return here.keySet().stream()
                .filter(key -> !requireNonNull(here.get(key)).equals(there.get(key)))
                .findFirst()
                .map(key -> new CheckResult(name, false, key + " differs"))
                .orElseGet(() ->
                        new CheckResult(name, true, here.isEmpty() ? "none" : here.size() + " equal, bit for bit"));
    }

    /** How many workers load the batches is no part of it: it changes no digit. */
    private CheckResult configuration() {
        String differences = expected.config().differences(actual.config()).stream()
                .filter(difference -> !difference.name().equals("dtype"))
                .sorted(Comparator.comparingInt(difference -> CONFIGURATION.indexOf(difference.name())))
                .map(difference -> difference.name().replace('-', '_') + " is " + difference.actual() + " instead of "
                        + difference.expected())
                .collect(Collectors.joining("; "));
        String dtypes = expected.config().dtype().equals(actual.config().dtype())
                ? expected.config().dtype()
                : expected.config().dtype() + " against " + actual.config().dtype();
        return differences.isEmpty()
                ? new CheckResult("configuration", true, "equal, " + dtypes)
                : new CheckResult("configuration", false, differences);
    }

    private CheckResult split() {
        Trace.Split here = expected.split();
        Trace.Split there = actual.split();
        boolean train = here.trainSha256().equals(there.trainSha256());
        boolean val = here.valSha256().equals(there.valSha256());
        if (train && val) {
            return new CheckResult("split", true, "indices equal");
        }
        return new CheckResult(
                "split",
                false,
                train
                        ? "val indices: " + lists(here.valHead(), there.valHead())
                        : "train indices: " + lists(here.trainHead(), there.trainHead()));
    }

    private CheckResult initialParameters() {
        String name = "initial parameters";
        boolean rounded = false;
        if (!haveTheSameLayers()) {
            return new CheckResult(name, false, layers());
        }
        for (String parameter : expected.initialParameters().keySet()) {
            Trace.InitialParameter here =
                    requireNonNull(expected.initialParameters().get(parameter));
            Trace.InitialParameter there =
                    requireNonNull(actual.initialParameters().get(parameter));
            if (!here.shape().equals(there.shape())) {
                return new CheckResult(
                        name, false, parameter + " has shape " + there.shape() + " instead of " + here.shape());
            }
            if (!here.sha256().equals(there.sha256())) {
                if (tolerance == Tolerance.EXACT || !mayRoundOtherwise() || !withinAnUlp(here, there, parameter)) {
                    return new CheckResult(name, false, parameter + ": " + lists(here.head(), there.head()));
                }
                rounded = true;
            }
        }
        return rounded
                ? new CheckResult(
                        name,
                        tolerance == Tolerance.FLOAT32,
                        "the first values equal within the last bit, as kernels without FMA ("
                                + expected.producer().cpuCapability() + ", "
                                + actual.producer().cpuCapability() + ") round them")
                : new CheckResult(name, true, "equal, bit for bit");
    }

    private boolean haveTheSameLayers() {
        return expected.initialParameters()
                .keySet()
                .equals(actual.initialParameters().keySet());
    }

    private String layers() {
        return "there are " + String.join(", ", actual.initialParameters().keySet()) + " instead of "
                + String.join(", ", expected.initialParameters().keySet());
    }

    private boolean mayRoundOtherwise() {
        return !FMA_KERNELS.contains(expected.producer().cpuCapability())
                || !FMA_KERNELS.contains(actual.producer().cpuCapability());
    }

    /** Within an ulp of the bound ±1/√fan_in between which the parameter was drawn. */
    private boolean withinAnUlp(Trace.InitialParameter here, Trace.InitialParameter there, String parameter) {
        String weight = parameter.replace("bias", "weight");
        long fanIn = requireNonNull(expected.initialParameters().get(weight)).shape().stream()
                .skip(1)
                .reduce(1L, Math::multiplyExact);
        double ulp = Math.ulp((float) (1 / Math.sqrt(fanIn)));
        for (int i = 0; i < here.head().size(); i++) {
            if (there.head().size() != here.head().size()
                    || !(Math.abs(here.head().get(i) - there.head().get(i)) <= ulp)) {
                return false;
            }
        }
        return true;
    }

    private CheckResult beforeTraining() {
        Trace.Evaluation here = expected.before();
        Trace.Evaluation there = actual.before();
        double distance = tolerance.between(here.valLoss(), there.valLoss());
        String name = "before training";
        if (distance > tolerance.allowed()) {
            return new CheckResult(name, false, "val_loss: " + numbers(here.valLoss(), there.valLoss()));
        }
        if (Double.compare(here.valAcc(), there.valAcc()) != 0) {
            return new CheckResult(name, false, "val_acc: " + numbers(here.valAcc(), there.valAcc()));
        }
        return new CheckResult(name, true, "val_loss " + apart(distance) + ", val_acc equal");
    }

    private CheckResult batchOrders() {
        for (int i = 0; i < commonEpochs(); i++) {
            Trace.Epoch here = expected.epochs().get(i);
            Trace.Epoch there = actual.epochs().get(i);
            if (!here.batchOrderSha256().equals(there.batchOrderSha256())) {
                return new CheckResult(
                        "batch orders", false, epoch(i) + ": " + lists(here.batchOrderHead(), there.batchOrderHead()));
            }
        }
        return new CheckResult("batch orders", true, expected.epochs().size() + " epochs equal");
    }

    private CheckResult stepLosses() {
        String name = "step losses";
        double[] here = expected.losses();
        double[] there = actual.losses();
        if (here.length != there.length) {
            return new CheckResult(name, false, there.length + " steps instead of " + here.length);
        }
        int largest = 0;
        double distance = 0;
        for (int step = 0; step < here.length; step++) {
            double apart = tolerance.between(here[step], there[step]);
            if (apart > allowed(step)) {
                return new CheckResult(
                        name,
                        false,
                        step(step) + ": " + numbers(here[step], there[step]) + ", at most " + Tolerance.format(distance)
                                + " before; " + cause());
            }
            if (apart > distance) {
                largest = step;
                distance = apart;
            }
        }
        String most = distance == 0 ? "all equal" : apart(distance) + " at most, at " + step(largest);
        String turned = forks.forks().isEmpty()
                ? ""
                : "; gates turned at ReLU forks: " + forks.forks().size();
        return new CheckResult(name, true, here.length + " steps, " + most + turned);
    }

    /** The difference that a step's loss may have. */
    private double allowed(int step) {
        return forks.excursions().stream()
                .filter(excursion -> excursion.covers(step))
                .mapToDouble(ForkReport.Excursion::allowed)
                .reduce(tolerance.allowed(), Math::max);
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

    private CheckResult validation() {
        double largest = 0;
        double largestAcc = 0;
        double largestAcross = 0;
        for (int i = 0; i < commonEpochs(); i++) {
            Trace.Epoch here = expected.epochs().get(i);
            Trace.Epoch there = actual.epochs().get(i);
            boolean across = isForkAcrossTheEndOf(i);
            double loss = tolerance.between(here.valLoss(), there.valLoss());
            if (loss > (across ? VAL_LOSS_AFTER_FORK : allowed((i + 1) * stepsInEpoch - 1))) {
                return new CheckResult(
                        "validation", false, epoch(i) + ", val_loss: " + numbers(here.valLoss(), there.valLoss()));
            }
            double acc = Tolerance.FLOAT32.between(here.valAcc(), there.valAcc());
            if (acc > (across ? VAL_ACC_AFTER_FORK : allowedAcc(i))) {
                return new CheckResult(
                        "validation", false, epoch(i) + ", val_acc: " + numbers(here.valAcc(), there.valAcc()));
            }
            largestAcc = Math.max(largestAcc, across ? 0 : acc);
            if (across) {
                largestAcross = Math.max(largestAcross, Math.max(loss, acc));
            } else {
                largest = Math.max(largest, loss);
            }
        }
        return new CheckResult(
                "validation",
                true,
                expected.epochs().size() + " epochs, val_loss " + apart(largest) + ", val_acc " + apart(largestAcc)
                        + (largestAcross == 0
                                ? ""
                                : "; where the gate was turned after it, " + Tolerance.format(largestAcross)));
    }

    /** The difference that an accuracy may have. */
    private double allowedAcc(int index) {
        return forks.ties().stream()
                .filter(tie -> tie.epoch() == index)
                .mapToDouble(ForkReport.Tie::allowed)
                .reduce(0, Math::max);
    }

    /** Whether a gate stood wrong while this epoch was evaluated, as its fork was seen only after that. */
    private boolean isForkAcrossTheEndOf(int index) {
        return forks.forks().stream()
                .anyMatch(fork -> fork.step() / stepsInEpoch <= index && index < fork.seen() / stepsInEpoch);
    }

    private CheckResult printedLines() {
        int equal = 0;
        for (int i = 0; i < commonEpochs(); i++) {
            String here = expected.epochs().get(i).line();
            String there = actual.epochs().get(i).line();
            if (here.equals(there)) {
                equal++;
            } else if (!isForkAcrossTheEndOf(i) && !areRoundedApart(i)) {
                return new CheckResult(
                        "printed lines", false, epoch(i) + ": expected \"" + here + "\", found \"" + there + "\"");
            }
        }
        int lines = expected.epochs().size();
        return new CheckResult(
                "printed lines", true, equal == lines ? lines + " equal" : equal + " of " + lines + " equal");
    }

    /** Whether both lines say what was computed: numbers within the tolerance may still be rounded to other digits. */
    private boolean areRoundedApart(int index) {
        Trace.Epoch here = expected.epochs().get(index);
        Trace.Epoch there = actual.epochs().get(index);
        return saysWhatWasComputed(here)
                && saysWhatWasComputed(there)
                && tolerance.between(here.valLoss(), there.valLoss()) <= allowed((index + 1) * stepsInEpoch - 1)
                && Math.abs(here.valAcc() - there.valAcc()) <= allowedAcc(index);
    }

    private static boolean saysWhatWasComputed(Trace.Epoch epoch) {
        return new EpochResult(epoch.valLoss(), epoch.valAcc())
                .line(epoch.epoch())
                .equals(epoch.line());
    }

    /** On other libraries only shapes are judged: the last bits of a weight depend on every order of additions there was. */
    private CheckResult finalParameters() {
        String name = "final parameters";
        List<String> different = new ArrayList<>();
        if (!haveTheSameLayers()) {
            return new CheckResult(name, false, layers());
        }
        for (String parameter : expected.initialParameters().keySet()) {
            Trace.FinalParameter here =
                    requireNonNull(expected.finalParameters().get(parameter));
            Trace.FinalParameter there = requireNonNull(actual.finalParameters().get(parameter));
            if (!here.shape().equals(there.shape())) {
                return new CheckResult(
                        name, false, parameter + " has shape " + there.shape() + " instead of " + here.shape());
            }
            if (!here.sha256().equals(there.sha256())) {
                different.add(parameter);
            }
        }
        if (different.isEmpty()) {
            return new CheckResult(name, true, "equal, bit for bit");
        }
        return tolerance == Tolerance.EXACT
                ? new CheckResult(name, false, "bits differ in " + String.join(", ", different))
                : new CheckResult(name, true, "shapes equal, last bits not");
    }

    private CheckResult generator() {
        boolean equal = expected.nextInt64() == actual.nextInt64();
        return new CheckResult(
                "random generator",
                equal,
                equal
                        ? "next int64 equal"
                        : "next int64: expected " + expected.nextInt64() + ", found " + actual.nextInt64());
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

    private static String numbers(double expected, double actual) {
        return "expected " + expected + ", found " + actual + ", " + Tolerance.format(Math.abs(actual - expected))
                + " apart";
    }

    private static String lists(List<?> expected, List<?> actual) {
        for (int i = 0; i < Math.min(expected.size(), actual.size()); i++) {
            if (!Objects.equals(expected.get(i), actual.get(i))) {
                return "expected " + expected.get(i) + " at " + i + ", found " + actual.get(i);
            }
        }
        return "expected others, behind the first " + expected.size();
    }
}
