package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.torch.vision.IdxReader;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** IDX files, raw and gzipped. */
public final class IdxFuzz {
    private static final Scratch SCRATCH = new Scratch("images-idx3-ubyte");

    /** The most that deflate can do is 1032 times. */
    private static final long GZIP_RATIO = 1_040;

    private IdxFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        boolean gzipped = data.length > 1 && data[0] == 0x1f && data[1] == (byte) 0x8b;
        SCRATCH.give(data, file -> {
            try (Tensor tensor = IdxReader.read(file)) {
                Scratch.requireAtMost(gzipped ? GZIP_RATIO * data.length : data.length, List.of(tensor));
            }
        });
    }
}
