package io.github.mnistlibtorch.torch.runtime;

import io.github.mnistlibtorch.torch.runtime.Cuda.Gpu;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/** Answers all that {@link Cuda} asks of a machine. Each question is asked only when the ones before it had a good answer. */
class CudaProbe {
    private final Consumer<String> progress;

    /** @param progress told, in a sentence, when libraries have to be unpacked to be tried */
    CudaProbe(Consumer<String> progress) {
        this.progress = progress;
    }

    /** Whether LibTorch's build for the GPU is on the class path. */
    boolean hasBuild() {
        return NativeLibraries.hasGpuBuild();
    }

    /** Why the library of the driver cannot be loaded, in the words of the linker; {@code null} if it can. */
    @Nullable String driverFailure() {
        return failure(NativeConfig.CUDA.get("driver." + system()));
    }

    /**
     * The newest CUDA that the driver can run, as CUDA counts: 12040 for 12.4; 0 if there is no driver.
     *
     * @throws IllegalStateException in the words of CUDA, or of the linker, if it cannot be asked
     * @throws LibTorchException if what asks cannot be unpacked
     */
    int driverVersion() {
        try {
            NativeLibraries.unpackCuda(name -> name.matches("(lib)?(jni)?cudart.*"), progress);
            return CudaRuntime.driverVersion();
        } catch (LinkageError e) { // of the bridge to CUDA's runtime
            throw new IllegalStateException(LibTorch.firstLine(e), e);
        }
    }

    /**
     * The GPUs that CUDA shows to this process.
     *
     * @throws IllegalStateException in the words of CUDA, if it does not start
     */
    List<Gpu> gpus() {
        return CudaRuntime.gpus();
    }

    /** {@code CUDA_VISIBLE_DEVICES}, which hides GPUs from CUDA. */
    @Nullable String visibleDevices() {
        return System.getenv("CUDA_VISIBLE_DEVICES");
    }

    /**
     * Of the libraries that the build is linked with, those that the linker cannot load, whatever lies where. They are tried in
     * the order of the build's list: each finds those that it needs loaded already.
     *
     * @throws LibTorchException if those that come with the build cannot be unpacked
     */
    List<String> missingLibraries() {
        List<String> libraries = NativeConfig.CUDA.list("libraries." + system());
        Set<String> bundled = NativeLibraries.cudaNames();
        List<String> missing = new ArrayList<>();
        for (int i = 0; i < libraries.size(); i++) {
            if (!missing.isEmpty() && bundled.containsAll(libraries.subList(i, libraries.size()))) {
                return missing; // to unpack the rest would be in vain
            }
            String library = libraries.get(i);
            NativeLibraries.Library unpacked =
                    NativeLibraries.unpackCuda(library::equals, progress).get(library);
            if (failure(unpacked == null ? library : unpacked.cached().toString()) != null) {
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
