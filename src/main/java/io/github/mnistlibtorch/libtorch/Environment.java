package io.github.mnistlibtorch.libtorch;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/** What LibTorch runs on, for {@code info} and for reports of a problem. */
public final class Environment {
    private Environment() {}

    /** Facts by name, in the order in which a person wants to read them; LibTorch must have started. */
    public static Map<String, Object> describe() {
        try (Scope scope = Scope.open()) {
            return facts();
        }
    }

    /** Of these, what may change the last digit of a number. */
    public static Map<String, String> kernels() {
        Map<String, String> kernels = new LinkedHashMap<>();
        kernels.put("platform", Loader.getPlatform());
        kernels.put("pytorch", version("pytorch"));
        kernels.put("build", LibTorch.build());
        kernels.put("openblas", version("openblas"));
        // Who sets it chooses the kernels by hand.
        kernels.put("openblas_coretype", System.getenv().getOrDefault("OPENBLAS_CORETYPE", "of the processor"));
        try (BytePointer capability = torch.get_cpu_capability()) {
            kernels.put("cpu_capability", capability.getString());
        }
        return kernels;
    }

    private static Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        facts.put("javacpp", version("javacpp"));
        facts.putAll(kernels());
        facts.put("processors", Runtime.getRuntime().availableProcessors());
        facts.put("threads", torch.get_num_threads());
        facts.put("blas_threads", openblas_nolapack.blas_get_num_threads());
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

    private static String version(String preset) {
        try {
            return Loader.getVersion("org.bytedeco", preset);
        } catch (IOException e) {
            return "unknown (" + LibTorch.firstLine(e) + ")";
        }
    }
}
