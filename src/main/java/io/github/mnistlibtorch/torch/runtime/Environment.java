package io.github.mnistlibtorch.torch.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/** What LibTorch runs on, for {@code info} and for reports of a problem. */
public final class Environment {
    /** Variables by which MKL, OpenBLAS and oneDNN are told which kernels to take. */
    private static final List<String> KERNEL_VARIABLES = List.of(
            "MKL_CBWR",
            "MKL_ENABLE_INSTRUCTIONS",
            "MKL_DEBUG_CPU_TYPE",
            "ONEDNN_MAX_CPU_ISA",
            "DNNL_MAX_CPU_ISA",
            "OPENBLAS_CORETYPE",
            "OPENBLAS_L2_SIZE");

    private static final Pattern MKL = Pattern.compile("Math Kernel Library Version (\\S+)");

    private static final Pattern BLAS_INFO = Pattern.compile("BLAS_INFO=(\\w+)");

    private static final String UNKNOWN = "unknown";

    private Environment() {}

    /** Facts by name, in the order in which a person wants to read them; LibTorch must have started. */
    public static Map<String, Object> describe() {
        ExternalLibTorch external = LibTorch.loadedExternal();
        Map<String, Object> facts = new LinkedHashMap<>();
        try (TensorScope scope = TensorScope.open()) {
            facts.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
            facts.put("javacpp", version("javacpp"));
            facts.putAll(kernels());
            facts.put(
                    "libtorch_from", external == null ? "the jar" : external.folder() + " (" + external.asked() + ")");
            facts.put("processors", Runtime.getRuntime().availableProcessors());
            facts.put("threads", torch.get_num_threads());
            facts.put("blas_threads", LibTorch.numThreads());
            facts.put("cuda_available", torch.cuda_is_available());
            facts.put("cuda", LibTorch.cuda().toString());
            facts.put("cuda_allocator", allocator(NativeConfig.CUDA.list("allocator.variables")));
            facts.put("native_libraries", NativeLibraries.cacheDirectory());
        }
        return facts;
    }

    /** Of these, what may change the last digit of a number. */
    public static Map<String, String> kernels() {
        Map<String, String> kernels = new LinkedHashMap<>();
        kernels.put("platform", Loader.getPlatform());
        kernels.put("libtorch", libTorchVersion());
        kernels.put("build", LibTorch.build());
        kernels.put("blas", blas());
        String set = KERNEL_VARIABLES.stream()
                .filter(System.getenv()::containsKey)
                .map(Environment::setting)
                .collect(Collectors.joining(" "));
        kernels.put("kernel_variables", set.isEmpty() ? "none" : set);
        try (BytePointer capability = torch.get_cpu_capability()) {
            kernels.put("cpu_capability", capability.getString());
        }
        return kernels;
    }

    /** The version with its suffix: {@code torch.__version__}. */
    public static String libTorchVersion() {
        ExternalLibTorch external = LibTorch.loadedExternal();
        return external == null ? LibTorch.version() : external.version();
    }

    /** The library that multiplies matrices, and its version. */
    public static String blas() {
        if (LibTorch.loadedExternal() == null) {
            return "openblas " + version("openblas");
        }
        try (BytePointer config = torch.show_config()) {
            return blas(config.getString());
        }
    }

    /**
     * Reads the library that multiplies matrices out of {@code torch.__config__.show()}, for example
     * {@code mkl 2024.2-Product}; for any library but MKL, its name alone.
     */
    static String blas(String config) {
        Matcher mkl = MKL.matcher(config);
        if (mkl.find()) {
            return "mkl " + mkl.group(1);
        }
        Matcher info = BLAS_INFO.matcher(config);
        return info.find() ? info.group(1) : UNKNOWN;
    }

    /**
     * Tells the processor apart from others on which libraries may choose other kernels, in the words of
     * {@code record_trace.py}: for example {@code AMD EPYC (AuthenticAMD family 25 model 1 stepping 1, flags
     * 0123456789abcdef)}, or {@code unknown} if the system does not say.
     */
    public static String processor() {
        try {
            return processor(Files.readString(Path.of("/proc/cpuinfo"), UTF_8));
        } catch (IOException e) {
            return System.getenv().getOrDefault("PROCESSOR_IDENTIFIER", UNKNOWN); // Windows
        }
    }

    /** @param cpuinfo of Linux; the first processor counts */
    static String processor(String cpuinfo) {
        Map<String, String> facts = new HashMap<>();
        for (String line : cpuinfo.split("\n\n", 2)[0].split("\n")) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                facts.put(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        }
        String flags = facts.getOrDefault("flags", facts.getOrDefault("Features", ""));
        if (flags.isEmpty()) {
            return UNKNOWN;
        }
        return facts.getOrDefault("model name", "?") + " (" + facts.getOrDefault("vendor_id", "?")
                + " family " + facts.getOrDefault("cpu family", "?")
                + " model " + facts.getOrDefault("model", "?")
                + " stepping " + facts.getOrDefault("stepping", "?")
                + ", flags " + Sha256.hex(flags.getBytes(UTF_8)).substring(0, 16) + ")";
    }

    /** The file of the library that computes, libtorch_cpu. */
    public static Path torchCpu() {
        ExternalLibTorch external = LibTorch.loadedExternal();
        return external == null ? NativeLibraries.torchCpu() : external.torchCpu();
    }

    /** The first of these variables that is set goes before the others. */
    private static String allocator(List<String> variables) {
        return variables.stream()
                .filter(System.getenv()::containsKey)
                .findFirst()
                .map(Environment::setting)
                .orElse("defaults; " + String.join(" and ", variables) + " are not set");
    }

    private static String setting(String variable) {
        return variable + "=" + System.getenv(variable);
    }

    static String version(String preset) {
        try {
            return Loader.getVersion("org.bytedeco", preset);
        } catch (IOException e) {
            return "unknown (" + LibTorch.firstLine(e) + ")";
        }
    }
}
