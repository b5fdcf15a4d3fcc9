package io.github.mnistlibtorch.torch.serialization;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A program for a JVM whose heap is smaller than the tensor that it writes and reads in both formats. */
final class SmallHeap {
    /** 100 MB in float32. */
    private static final int ELEMENTS = 25_000_000;

    private SmallHeap() {}

    /** Takes a folder to write to. */
    public static void main(String[] args) throws IOException {
        LibTorch.start();
        try (Tensor large = torch.arange(new Scalar(ELEMENTS)).reshape(ELEMENTS / 1000, 1000);
                Tensor transposed = large.t()) {
            Path pt = Path.of(args[0], "large.pt");
            PtFile.write(pt, Map.of("large", transposed));
            requireEqual(PtFile.read(pt), transposed);

            Path safetensors = Path.of(args[0], "large.safetensors");
            Safetensors.write(safetensors, Map.of("large", transposed), Map.of());
            requireEqual(Safetensors.read(safetensors), transposed);
        }
    }

    private static void requireEqual(Map<String, Tensor> tensors, Tensor expected) {
        if (!tensors.values().stream().allMatch(tensor -> tensor.equal(expected)) || tensors.size() != 1) {
            throw new AssertionError("the tensor came back changed");
        }
        tensors.values().forEach(Tensor::close);
    }
}
