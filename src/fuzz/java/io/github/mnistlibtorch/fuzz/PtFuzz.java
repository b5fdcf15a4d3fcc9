package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.torch.serialization.StateDict;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** State dicts in either format, as the content says. */
public final class PtFuzz {
    private static final Scratch SCRATCH = new Scratch("model.pt");

    private PtFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        SCRATCH.give(data, file -> {
            Map<String, Tensor> tensors = StateDict.read(file);
            tensors.values().forEach(Tensor::close);
        });
    }
}
