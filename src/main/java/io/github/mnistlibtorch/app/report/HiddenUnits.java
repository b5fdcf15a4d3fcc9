package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;

/** What each hidden unit looks for, as images. */
final class HiddenUnits {
    private static final int MOST = 64;

    /** Share of the weights that are told from each other by their colour. */
    private static final double FULL = 0.995;

    private final List<ImageGridPlot.Image> weights;
    private final String title;

    /**
     * Copies the weights of the first layer's units, of the first 64 if there are more: hidden units, or the filters of a
     * convolution.
     *
     * @param model may be closed afterwards
     * @param columns of the model's input
     */
    HiddenUnits(Module model, int columns) {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> parameters = StateDict.of(model);
            Tensor weight = parameters.values().iterator().next();
            boolean isConvolution = weight.dim() == 4;
            int width = isConvolution ? (int) weight.size(3) : columns;
            String name = isConvolution ? "filter " : "unit ";
            long count = weight.size(0);
            weights = LongStream.range(0, Math.min(MOST, count))
                    .mapToObj(unit ->
                            new ImageGridPlot.Image(Tensors.toFloats(weight.select(0, unit)), width, name + unit))
                    .toList();
            String units = isConvolution || parameters.containsKey("linear3.weight") ? " of the first layer" : "";
            title = (count > MOST ? "The first " + MOST + " of " + count : "The " + count)
                    + (isConvolution ? " filters" : " hidden units") + units
                    + ": blue speaks for the unit, vermilion against it";
        }
    }

    /**
     * Draws each unit's weights as an image of the size of the input: where a pixel speaks for the unit it is blue, where it
     * speaks against it vermilion, and white where it says nothing.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @throws IOException if the file cannot be written
     */
    void write(Path png) throws IOException {
        double scale = scale();
        ImageGridPlot.write(
                png,
                title,
                weights,
                weight -> Canvas.tint(weight > 0 ? Canvas.BLUE : Canvas.VERMILION, Math.abs(weight) / scale));
    }

    /** Where the colours are full: the few weights beyond it would leave all others pale. */
    private double scale() {
        double[] sizes = weights.stream()
                .flatMapToDouble(image ->
                        IntStream.range(0, image.values().length).mapToDouble(i -> Math.abs(image.values()[i])))
                .sorted()
                .toArray();
        return Math.max(Float.MIN_NORMAL, sizes[(int) (FULL * (sizes.length - 1))]);
    }
}
