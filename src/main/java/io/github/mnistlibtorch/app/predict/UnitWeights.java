package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;

/**
 * The weights of a model's first layer as images: what each hidden unit, or each filter of a convolution, looks for.
 *
 * @param units of the layer, of which the first may be all that are here
 * @param columns width of an image in pixels
 * @param rows height of an image in pixels
 * @param isConvolution whether the units are filters
 * @param weights of the units that are here, one after the other, each row by row; of several channels, their sum
 */
record UnitWeights(int units, int columns, int rows, boolean isConvolution, float[] weights) {
    /** Share of the weights that are told from each other by their colour: the few beyond it would leave all others pale. */
    private static final double FULL = 0.995;

    /**
     * Copies them.
     *
     * @param model may be trained or closed afterwards
     * @param images that the model takes
     * @param most of the weights to copy; the rest of the units are left out
     */
    static UnitWeights of(Module model, ImageSpec images, int most) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor weight = StateDict.of(model).values().iterator().next();
            boolean isConvolution = weight.dim() == 4;
            int units = (int) weight.size(0);
            int rows = (int) (isConvolution ? weight.size(2) : images.rows());
            int columns = (int) (isConvolution ? weight.size(3) : images.columns());
            int copied = Math.max(1, Math.min(units, most / (rows * columns)));
            Tensor upright = weight.detach()
                    .narrow(0, 0, copied)
                    .reshape(copied, images.channels(), rows, columns)
                    .sum(1);
            if (images.isTransposed()) {
                upright = upright.transpose(1, 2);
            }
            return new UnitWeights(units, columns, rows, isConvolution, Tensors.toFloats(upright));
        }
    }

    /** What a page is to know of them beside the weights. */
    Map<String, Object> description() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("units", units);
        fields.put("columns", columns);
        fields.put("rows", rows);
        fields.put("isConvolution", isConvolution);
        return fields;
    }

    /** The weights as bytes from -127 to 127, of which the outermost also stand for the few that are larger. */
    byte[] toBytes() {
        float[] sizes = new float[weights.length];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = Math.abs(weights[i]);
        }
        Arrays.sort(sizes);
        float full = Math.max(Float.MIN_NORMAL, sizes[(int) (FULL * (sizes.length - 1))]);
        byte[] bytes = new byte[weights.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Math.round(Byte.MAX_VALUE * Math.max(-1, Math.min(1, weights[i] / full)));
        }
        return bytes;
    }
}
