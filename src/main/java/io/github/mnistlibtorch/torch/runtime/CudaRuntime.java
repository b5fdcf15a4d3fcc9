package io.github.mnistlibtorch.torch.runtime;

import io.github.mnistlibtorch.torch.runtime.Cuda.Gpu;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;

/**
 * Asks NVIDIA's driver by way of the CUDA runtime. Its classes come with LibTorch's build for the GPU: without that, or
 * without a driver, this class cannot be used.
 */
final class CudaRuntime {
    private CudaRuntime() {}

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
