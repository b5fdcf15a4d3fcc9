package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.torch.serialization.Safetensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Safetensors files. */
public final class SafetensorsFuzz {
    private static final Scratch SCRATCH = new Scratch("model.safetensors");

    private SafetensorsFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        SCRATCH.give(data, file -> {
            Map<String, Tensor> tensors = Safetensors.read(file);
            Scratch.requireAtMost(data.length, tensors.values());
            tensors.values().forEach(Tensor::close);
        });
    }
}
