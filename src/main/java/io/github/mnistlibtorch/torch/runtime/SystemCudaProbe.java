package io.github.mnistlibtorch.torch.runtime;

import io.github.mnistlibtorch.torch.runtime.Cuda.Gpu;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/** Asks this machine. A library counts as missing if the linker cannot load it, whatever lies where. */
final class SystemCudaProbe implements CudaProbe {
    private final Consumer<String> progress;

    /** @param progress told, in a sentence, when libraries have to be unpacked to be tried */
    SystemCudaProbe(Consumer<String> progress) {
        this.progress = progress;
    }

    @Override
    public boolean hasBuild() {
        return NativeLibraries.hasGpuBuild();
    }

    @Override
    public @Nullable String driverFailure() {
        return failure(NativeConfig.CUDA.get("driver." + system()));
    }

    @Override
    public int driverVersion() {
        try {
            NativeLibraries.unpackCuda(name -> name.matches("(lib)?(jni)?cudart.*"), progress);
            return CudaRuntime.driverVersion();
        } catch (LinkageError e) { // of the bridge to CUDA's runtime
            throw new IllegalStateException(LibTorch.firstLine(e), e);
        }
    }

    @Override
    public List<Gpu> gpus() {
        return CudaRuntime.gpus();
    }

    @Override
    public @Nullable String visibleDevices() {
        return System.getenv("CUDA_VISIBLE_DEVICES");
    }

    /** In the order of the build's list: each finds those that it needs loaded already. */
    @Override
    public List<String> missingLibraries() {
        List<String> libraries = NativeConfig.CUDA.list("libraries." + system());
        Set<String> bundled = NativeLibraries.cudaNames();
        List<String> missing = new ArrayList<>();
        for (int i = 0; i < libraries.size(); i++) {
            if (!missing.isEmpty() && bundled.containsAll(libraries.subList(i, libraries.size()))) {
                return missing; // to unpack the rest would be in vain
            }
            String library = libraries.get(i);
            Map<String, String> unpacked = NativeLibraries.unpackCuda(library::equals, progress);
            if (failure(unpacked.getOrDefault(library, library)) != null) {
                missing.add(library);
            }
        }
        return missing;
    }

    /** Loads a library by its path or its name, in the places where the linker looks; says why it cannot. */
    private static @Nullable String failure(String library) {
        Loader.load(Pointer.class); // has the function
        try {
            Loader.loadGlobal(library);
            return null;
        } catch (UnsatisfiedLinkError e) {
            return LibTorch.firstLine(e);
        }
    }

    private static String system() {
        return Loader.getPlatform()
                .substring(0, Loader.getPlatform().indexOf('-'))
                .toLowerCase(Locale.ROOT);
    }
}
