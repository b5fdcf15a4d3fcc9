package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.device.Devices;
import io.github.mnistlibtorch.io.InputException;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch;
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
     * The device, once LibTorch has started.
     *
     * @throws InputException if there is no such device here
     */
    Device device() throws InputException {
        if (name.equals("auto")) {
            return Devices.getDefaultDevice();
        }
        if (!name.matches("cpu|cuda(:\\d{1,2})?")) {
            throw new InputException("there is no device '" + name + "'; use --device auto, cpu, cuda or cuda:N");
        }
        if (name.startsWith("cuda") && !torch.cuda_is_available()) {
            throw new InputException(
                    "CUDA is not available to this build of LibTorch here; use --device cpu or --device auto");
        }
        int index = name.startsWith("cuda:") ? Integer.parseInt(name.substring("cuda:".length())) : 0;
        if (name.startsWith("cuda") && index >= torch.cuda_device_count()) {
            throw new InputException("there is no " + name + ": CUDA sees " + torch.cuda_device_count()
                    + " device(s); use --device cuda");
        }
        return Devices.of(name);
    }
}
