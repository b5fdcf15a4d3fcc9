package io.github.mnistlibtorch.torch.vision;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Grey values as numbers in [0, 1]: {@code torchvision.transforms.ToTensor} for 8-bit pictures of one channel. */
public final class ToTensor {
    private static final float[] UNIT = new float[256];

    static {
        for (int grey = 0; grey < UNIT.length; grey++) {
            // Multiplying by 1/255 would be wrong in the last bit for 126 of the 256 values.
            UNIT[grey] = grey / 255f;
        }
    }

    private ToTensor() {}

    /**
     * {@code ToTensor()(picture)}.
     *
     * @param pixels uint8, row by row
     * @return float32 (1, rows, columns), each value the pixel divided by 255
     * @throws IllegalArgumentException if there are not {@code rows * columns} pixels
     */
    public static Tensor toTensor(byte[] pixels, int rows, int columns) {
        if (rows < 0 || columns < 0 || pixels.length != (long) rows * columns) {
            throw new IllegalArgumentException(pixels.length + " pixels are no picture of " + rows + " x " + columns);
        }
        float[] values = new float[pixels.length];
        scale(pixels, 0, values);
        Tensor image = emptyFloats(1, rows, columns);
        // Without values there is no address to write them to.
        if (values.length > 0) {
            image.data_ptr_float().put(values, 0, values.length);
        }
        return image;
    }

    /**
     * {@code ToTensor()(picture)} of several channels.
     *
     * @param pixels uint8, one channel after the other, each row by row
     * @return float32 (channels, rows, columns), each value the pixel divided by 255
     * @throws IllegalArgumentException if there are not {@code channels * rows * columns} pixels
     */
    public static Tensor toTensor(byte[] pixels, int channels, int rows, int columns) {
        try (Tensor flat = toTensor(pixels, channels * rows, columns)) {
            return flat.view(channels, rows, columns);
        }
    }

    /** Fills {@code values} from the pixels that begin at {@code offset}. */
    static void scale(byte[] pixels, int offset, float[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] = UNIT[pixels[offset + i] & 0xff];
        }
    }

    static Tensor emptyFloats(long... shape) {
        // Not the default dtype: that is the program's to change, a picture's is not.
        try (TensorOptions options = new TensorOptions(ScalarType.Float)) {
            return torch.empty(shape, options, null);
        }
    }
}
