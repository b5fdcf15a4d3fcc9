package io.github.mnistlibtorch.torch.runtime;

import io.github.mnistlibtorch.torch.runtime.Cuda.Gpu;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
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
        return Loader.getPlatform().replaceFirst("-.*", "").toLowerCase(Locale.ROOT);
    }

    /**
     * Asks NVIDIA's driver by way of the CUDA runtime. Its classes come with LibTorch's build for the GPU: without that, or
     * without a driver, this class cannot be used.
     */
    private static final class CudaRuntime {
        static int driverVersion() {
            int[] version = new int[1];
            check(cudart.cudaDriverGetVersion(version));
            return version[0];
        }

        static List<Gpu> gpus() {
            int[] count = new int[1];
            int error = cudart.cudaGetDeviceCount(count);
            if (error == cudart.cudaErrorNoDevice) {
                return List.of();
            }
            check(error);
            List<Gpu> gpus = new ArrayList<>();
            for (int i = 0; i < count[0]; i++) {
                try (cudaDeviceProp properties = new cudaDeviceProp()) {
                    check(cudart.cudaGetDeviceProperties(properties, i));
                    String name = properties.name().getString();
                    gpus.add(new Gpu(i, name, properties.major(), properties.minor()));
                }
            }
            return gpus;
        }

        private static void check(int error) {
            if (error != cudart.cudaSuccess) {
                throw new IllegalStateException(cudart.cudaGetErrorString(error).getString());
            }
        }
    }
}
