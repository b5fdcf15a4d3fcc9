package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.torch.runtime.Cuda;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.tutorial.Devices;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --device}. */
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "auto",
            description = "auto, cpu, cuda or cuda:N; auto takes the GPU if there is one. Default: ${DEFAULT-VALUE}.")
    private String name = "auto";

    /**
     * Starts LibTorch before the device is known for certain.
     *
     * @param gpu whether it may be one, if the name here does not say
     */
    void startLibTorch(boolean gpu) {
        LibTorch.start(System.err::println, gpu && !name.equals("cpu"));
    }

    /**
     * Starts LibTorch and makes the device.
     *
     * @throws InputException if there is no such device here
     */
    Device start() throws InputException {
        return start(null);
    }

    /**
     * The same for one of several processes on a machine: each takes a GPU of its own, unless told which.
     *
     * @param localRank its number among them, {@code null} if there are no others
     */
    Device start(@Nullable Integer localRank) throws InputException {
        if (!name.matches("auto|cpu|cuda(:(0|[1-9]\\d{0,8}))?")) {
            throw new InputException("there is no device '" + name + "'; use --device auto, cpu, cuda or cuda:N");
        }
        startLibTorch(/* gpu= */ true);
        Cuda cuda = LibTorch.cuda();
        String own = ownGpu(name, cuda, localRank);
        requirePresent(own, cuda);
        return Devices.of(own.equals("auto") ? best(cuda) : own);
    }

    /**
     * The GPU of one of several processes. Where each sees no GPU but its own, none has the number of another.
     *
     * @throws InputException if there are several GPUs, but not enough
     */
    static String ownGpu(String name, Cuda cuda, @Nullable Integer localRank) throws InputException {
        boolean anyGpu = name.equals("auto") || name.equals("cuda");
        if (!anyGpu || localRank == null || cuda.gpus().size() < 2) {
            return name;
        }
        if (cuda.gpus().stream().noneMatch(gpu -> gpu.index() == localRank)) {
            throw new InputException(
                    "LOCAL_RANK is " + localRank + ", and there is no GPU of that number to be used, but " + cuda
                            + "; start as many ranks as there are GPUs, or name one with --device");
        }
        return "cuda:" + localRank;
    }

    /** {@code get_default_device()}, but that a GPU for which there is no code is passed over. */
    static String best(Cuda cuda) {
        if (!cuda.isAvailable()) {
            return "cpu";
        }
        int index = cuda.gpus().get(0).index();
        return index == 0 ? "cuda" : "cuda:" + index;
    }

    /** @throws InputException if {@code name} is a GPU that is not there, or not to be used */
    static void requirePresent(String name, Cuda cuda) throws InputException {
        if (!name.startsWith("cuda")) {
            return;
        }
        if (!cuda.isAvailable()) {
            throw new InputException("there is no GPU to be used: " + cuda.reason() + "; --device cpu needs none");
        }
        int index = name.equals("cuda") ? 0 : Integer.parseInt(name.substring("cuda:".length()));
        if (cuda.gpus().stream().noneMatch(gpu -> gpu.index() == index)) {
            throw new InputException("there is no " + name + " to be used; there is " + cuda);
        }
    }
}
