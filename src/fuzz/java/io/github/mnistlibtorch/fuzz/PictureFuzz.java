package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.app.predict.DigitPreprocessor;
import io.github.mnistlibtorch.app.run.ImageSpec;
import org.bytedeco.pytorch.Tensor;

/** PNG, JPEG, BMP and GIF files for {@code predict}. */
public final class PictureFuzz {
    private static final Scratch SCRATCH = new Scratch("digit.png");

    private static final DigitPreprocessor PREPROCESSOR = new DigitPreprocessor(ImageSpec.MNIST);

    private PictureFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        SCRATCH.give(data, file -> {
            try (Tensor picture = PREPROCESSOR.read(file).largest().image()) {
                if (picture.numel() != 28 * 28) {
                    throw new AssertionError("a picture of " + picture.numel() + " pixels");
                }
            }
        });
    }
}
