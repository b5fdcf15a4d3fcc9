package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.app.run.ImageSpec;
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

    private record Unit(float[] weights, int width, String name) {}

    private final List<Unit> units;
    private final String title;

    /**
     * Copies the weights of the first layer's units, of the first 64 if there are more: hidden units, or the filters of a
     * convolution.
     *
     * @param model may be closed afterwards
     * @param images that the model takes; of their channels, the sum is shown
     */
    HiddenUnits(Module model, ImageSpec images) {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> parameters = StateDict.of(model);
            Tensor weight = parameters.values().iterator().next();
            boolean isConvolution = weight.dim() == 4;
            int width = isConvolution ? (int) weight.size(3) : images.columns();
            String name = isConvolution ? "filter " : "unit ";
            long count = weight.size(0);
            units = LongStream.range(0, Math.min(MOST, count))
                    .mapToObj(unit -> new Unit(
                            Tensors.toFloats(weight.select(0, unit)
                                    .view(images.channels(), -1)
                                    .sum(0)),
                            width,
                            name + unit))
                    .toList();
            String ofLayer = isConvolution || parameters.containsKey("linear3.weight") ? " of the first layer" : "";
            title = (count > MOST ? "The first " + MOST + " of " + count : "The " + count)
                    + (isConvolution ? " filters" : " hidden units") + ofLayer
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
        List<ImageGridPlot.Image> drawn = units.stream()
                .map(unit -> ImageGridPlot.Image.of(
                        unit.weights,
                        1,
                        unit.width,
                        unit.name,
                        weight -> Canvas.tint(weight > 0 ? Canvas.BLUE : Canvas.VERMILION, Math.abs(weight) / scale)))
                .toList();
        ImageGridPlot.write(png, title, drawn);
    }

    /** Where the colours are full: the few weights beyond it would leave all others pale. */
    private double scale() {
        double[] sizes = units.stream()
                .flatMapToDouble(
                        unit -> IntStream.range(0, unit.weights.length).mapToDouble(i -> Math.abs(unit.weights[i])))
                .sorted()
                .toArray();
        return Math.max(Float.MIN_NORMAL, sizes[(int) (FULL * (sizes.length - 1))]);
    }
}
