package io.github.mnistlibtorch.app.parity;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The checks of a {@link TraceComparison} that look at weights, and at what an optimizer remembers of them. */
record ParameterComparison(Trace expected, Trace actual, Tolerance tolerance) {
    /** ATen's kernels that multiply and add with one rounding, and so draw the same weights to the last bit. */
    private static final Set<String> FMA_KERNELS = Set.of("AVX2", "AVX512");

    private static final String EQUAL = "equal, bit for bit";

    String initial() throws CheckFailedException {
        requireSameLayers();
        boolean rounded = false;
        for (String name : expected.initialParameters().keySet()) {
            Trace.InitialParameter here =
                    requireNonNull(expected.initialParameters().get(name));
            Trace.InitialParameter there =
                    requireNonNull(actual.initialParameters().get(name));
            if (!haveSameBits(name, here, there)) {
                if (tolerance == Tolerance.EXACT || !mayRoundOtherwise() || !isWithinAnUlp(name, here, there)) {
                    throw new CheckFailedException(name, here.head(), there.head());
                }
                rounded = true;
            }
        }
        if (!rounded) {
            return EQUAL;
        }
        String detail = "the first values equal within the last bit, as kernels without FMA ("
                + expected.producer().cpuCapability() + ", " + actual.producer().cpuCapability() + ") round them";
        if (tolerance != Tolerance.FLOAT32) {
            throw new CheckFailedException(detail);
        }
        return detail;
    }

    /** On other libraries only shapes are judged: the last bits of a weight depend on every order of additions there was. */
    String trained() throws CheckFailedException {
        requireSameLayers();
        List<String> different = new ArrayList<>();
        for (String name : expected.initialParameters().keySet()) {
            if (!haveSameBits(
                    name,
                    requireNonNull(expected.finalParameters().get(name)),
                    requireNonNull(actual.finalParameters().get(name)))) {
                different.add(name);
            }
        }
        if (tolerance == Tolerance.EXACT && !different.isEmpty()) {
            throw new CheckFailedException("bits differ in " + String.join(", ", different));
        }
        return different.isEmpty() ? EQUAL : "shapes equal, last bits not";
    }

    String optimizerState() throws CheckFailedException {
        Map<String, Trace.FinalParameter> here = expected.optimizerState();
        Map<String, Trace.FinalParameter> there = actual.optimizerState();
        if (!here.keySet().equals(there.keySet())) {
            throw new CheckFailedException("there is " + there.keySet() + " instead of " + here.keySet());
        }
        for (String name : here.keySet()) {
            if (!requireNonNull(here.get(name)).equals(there.get(name))) {
                throw new CheckFailedException(name + " differs");
            }
        }
        return here.isEmpty() ? "none" : here.size() + " " + EQUAL;
    }

    private void requireSameLayers() throws CheckFailedException {
        Set<String> here = expected.initialParameters().keySet();
        Set<String> there = actual.initialParameters().keySet();
        if (!here.equals(there)) {
            throw new CheckFailedException(
                    "there are " + String.join(", ", there) + " instead of " + String.join(", ", here));
        }
    }

    private static boolean haveSameBits(String name, Trace.Parameter here, Trace.Parameter there)
            throws CheckFailedException {
        if (!here.shape().equals(there.shape())) {
            throw new CheckFailedException(name + " has shape " + there.shape() + " instead of " + here.shape());
        }
        return here.sha256().equals(there.sha256());
    }

    private boolean mayRoundOtherwise() {
        return !FMA_KERNELS.contains(expected.producer().cpuCapability())
                || !FMA_KERNELS.contains(actual.producer().cpuCapability());
    }

    /** Within an ulp of the bound ±1/√fan_in between which the parameter was drawn. */
    private boolean isWithinAnUlp(String name, Trace.InitialParameter here, Trace.InitialParameter there) {
        String weight = name.replace("bias", "weight");
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
}
