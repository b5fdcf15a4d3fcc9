package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.Resources;
import io.github.mnistlibtorch.tutorial.Devices;
import java.io.IOException;
import java.nio.file.Path;
import org.bytedeco.pytorch.Device;
import picocli.CommandLine.Option;

/** {@code --model}, where the weights of the last run are meant if it is left out. */
final class ModelOption {
    @Option(
            names = "--model",
            paramLabel = "FILE",
            defaultValue = "mnist-run/model.pt",
            description = "Weights, in the safetensors format or as torch.save writes them. Default: ${DEFAULT-VALUE}.")
    private Path file = Path.of("");

    /**
     * A network, on a device.
     *
     * @return with a network that the caller closes
     * @throws IOException if the file cannot be read, or holds something else
     */
    MnistModels.Saved load(Device device) throws IOException {
        return load(file, device);
    }

    /** The network of a file, likewise. */
    static MnistModels.Saved load(Path file, Device device) throws IOException {
        MnistModels.Saved model = MnistModels.read(file);
        return Resources.closeOnFailure(model.network()::close, () -> {
            Devices.toDevice(model.network(), device).train(false);
            return model;
        });
    }
}
