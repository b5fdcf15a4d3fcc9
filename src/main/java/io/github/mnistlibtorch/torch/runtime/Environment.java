package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

    private Environment() {}

    /** Facts by name, in the order in which a person wants to read them; LibTorch must have started. */
    public static Map<String, Object> describe() {
        try (TensorScope scope = TensorScope.open()) {
            return facts();
        }
    }

    /** Of these, what may change the last digit of a number. */
    public static Map<String, String> kernels() {
        Map<String, String> kernels = new LinkedHashMap<>();
        kernels.put("platform", Loader.getPlatform());
        kernels.put("libtorch", libTorchVersion());
        kernels.put("build", LibTorch.build());
        kernels.put("blas", blas());
        kernels.put("kernel_variables", kernelVariables());
        try (BytePointer capability = torch.get_cpu_capability()) {
            kernels.put("cpu_capability", capability.getString());
        }
        return kernels;
    }

    /** Variables that choose kernels by hand, with their values. */
    private static String kernelVariables() {
        String set = KERNEL_VARIABLES.stream()
                .filter(System.getenv()::containsKey)
                .map(variable -> variable + "=" + System.getenv(variable))
                .collect(Collectors.joining(" "));
        return set.isEmpty() ? "none" : set;
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
            return Blas.of(config.getString());
        }
    }

    /** The processor, told apart from others on which libraries may choose other kernels; {@code unknown} if it cannot be. */
    public static String processor() {
        return Processor.describe();
    }

    /** The file of the library that computes, libtorch_cpu. */
    public static Path torchCpu() {
        ExternalLibTorch external = LibTorch.loadedExternal();
        return external == null ? NativeLibraries.torchCpu() : external.torchCpu();
    }

    private static Map<String, Object> facts() {
        ExternalLibTorch external = LibTorch.loadedExternal();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        facts.put("javacpp", version("javacpp"));
        facts.putAll(kernels());
        facts.put("libtorch_from", external == null ? "the jar" : external.folder() + " (" + external.asked() + ")");
        facts.put("processors", Runtime.getRuntime().availableProcessors());
        facts.put("threads", torch.get_num_threads());
        facts.put("blas_threads", LibTorch.numThreads());
        facts.put("cuda_available", torch.cuda_is_available());
        facts.put("cuda", LibTorch.cuda().toString());
        facts.put("cuda_allocator", allocator(NativeConfig.CUDA.list("allocator.variables")));
        facts.put("native_libraries", NativeLibraries.cacheDirectory());
        return facts;
    }

    /** The first of these variables that is set goes before the others. */
    private static String allocator(List<String> variables) {
        return variables.stream()
                .filter(System.getenv()::containsKey)
                .findFirst()
                .map(variable -> variable + "=" + System.getenv(variable))
                .orElse("defaults; " + String.join(" and ", variables) + " are not set");
    }

    static String version(String preset) {
        try {
            return Loader.getVersion("org.bytedeco", preset);
        } catch (IOException e) {
            return "unknown (" + LibTorch.firstLine(e) + ")";
        }
    }
}
