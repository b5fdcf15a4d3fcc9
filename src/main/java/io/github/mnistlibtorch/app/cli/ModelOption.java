package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.Resources;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
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
     * A network for these pictures, on a device.
     *
     * @return a network that the caller closes
     * @throws IOException if the file cannot be read, or holds something else
     */
    ImageClassificationBase load(Device device) throws IOException {
        ImageClassificationBase model = MnistModels.load(file);
        return Resources.closeOnFailure(model::close, () -> {
            Devices.toDevice(model, device).train(false);
            return model;
        });
    }
}
