package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.torch.vision.IdxReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.bytedeco.pytorch.Tensor;

/** IDX data in intact gzip, whose checksum no random change would meet. */
public final class GzipFuzz {
    private static final Scratch SCRATCH = new Scratch("images-idx3-ubyte.gz");

    private GzipFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(data);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        SCRATCH.give(packed.toByteArray(), file -> {
            try (Tensor tensor = IdxReader.read(file)) {
                Scratch.requireAtMost(data.length, List.of(tensor));
            }
        });
    }
}
