package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.torch.serialization.PtFile;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** The pickle of a state dict, in an intact {@code .pt} file. */
public final class PickleFuzz {
    private static final Scratch SCRATCH = new Scratch("model.pt");

    private PickleFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        SCRATCH.give(Zip.around(data), file -> {
            Map<String, Tensor> tensors = PtFile.read(file);
            for (Tensor tensor : tensors.values()) {
                // A view may repeat numbers; what lies behind it is what the file has.
                if (tensor.storage().nbytes() > Zip.STORAGE) {
                    throw new AssertionError("a storage of " + tensor.storage().nbytes() + " bytes");
                }
                if (tensor.numel() > 0 && tensor.numel() < 1_000) {
                    tensor.sum();
                }
                tensor.close();
            }
        });
    }
}
