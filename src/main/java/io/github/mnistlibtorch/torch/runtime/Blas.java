package io.github.mnistlibtorch.torch.runtime;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The library that multiplies matrices, out of what LibTorch says of its build: {@code torch.__config__.show()}. */
final class Blas {
    private static final Pattern MKL = Pattern.compile("Math Kernel Library Version (\\S+)");

    private static final Pattern INFO = Pattern.compile("BLAS_INFO=(\\w+)");

    private Blas() {}

    /** For example {@code mkl 2024.2-Product}; of others only the name is known. */
    static String of(String config) {
        Matcher mkl = MKL.matcher(config);
        if (mkl.find()) {
            return "mkl " + mkl.group(1);
        }
        Matcher info = INFO.matcher(config);
        return info.find() ? info.group(1) : "unknown";
    }
}
