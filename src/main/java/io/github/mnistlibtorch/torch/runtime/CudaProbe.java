package io.github.mnistlibtorch.torch.runtime;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** All that {@link Cuda} asks of a machine. Each question is asked only when the ones before it had a good answer. */
interface CudaProbe {
    /** Whether LibTorch's build for the GPU is on the class path. */
    boolean hasBuild();

    /** Why the library of the driver cannot be loaded, in the words of the linker; {@code null} if it can. */
    @Nullable String driverFailure();

    /**
     * The newest CUDA that the driver can run, as CUDA counts: 12040 for 12.4; 0 if there is no driver.
     *
     * @throws IllegalStateException in the words of CUDA, or of the linker, if it cannot be asked
     * @throws LibTorchException if what asks cannot be unpacked
     */
    int driverVersion();

    /**
     * The GPUs that CUDA shows to this process.
     *
     * @throws IllegalStateException in the words of CUDA, if it does not start
     */
    List<Cuda.Gpu> gpus();

    /** {@code CUDA_VISIBLE_DEVICES}, which hides GPUs from CUDA. */
    @Nullable String visibleDevices();

    /**
     * Of the libraries that the build is linked with, those that cannot be loaded.
     *
     * @throws LibTorchException if those that come with the build cannot be unpacked
     */
    List<String> missingLibraries();
}
