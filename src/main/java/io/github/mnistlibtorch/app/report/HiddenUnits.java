package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;

/** A picture of what each hidden unit looks for. */
public final class HiddenUnits {
    private static final int MOST = 64;

    /** Share of the weights that are told from each other by their colour. */
    private static final double FULL = 0.995;

    private final List<float[][]> weights = new ArrayList<>();
    private final long count;

    /** What the first layer has, in words. */
    private final String units;

    /**
     * Copies the weights of the first layer's units, of the first 64 if there are more: hidden units, or the filters of a
     * convolution.
     *
     * @param model may be closed afterwards
     * @param rows of the model's input
     * @param columns of the model's input; {@code rows * columns} is its size
     */
    public HiddenUnits(Module model, int rows, int columns) {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> parameters = StateDict.of(model);
            Tensor weight = parameters.values().iterator().next();
            boolean isConvolution = weight.dim() == 4;
            units = isConvolution
                    ? "filters of the first layer"
                    : "hidden units" + (parameters.containsKey("linear3.weight") ? " of the first layer" : "");
            count = weight.size(0);
            for (int unit = 0; unit < Math.min(MOST, count); unit++) {
                weights.add(ImageGridPlot.values(
                        weight.select(0, unit),
                        isConvolution ? (int) weight.size(2) : rows,
                        isConvolution ? (int) weight.size(3) : columns));
            }
        }
    }

    /**
     * Draws each unit's weights as a picture of the size of the input: where a pixel speaks for the unit it is blue, where it
     * speaks against it vermilion, and white where it says nothing.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @throws IOException if the file cannot be written
     */
    public void write(Path png) throws IOException {
        List<String> captions = IntStream.range(0, weights.size())
                .mapToObj(unit -> (units.startsWith("filter") ? "filter " : "unit ") + unit)
                .toList();
        double scale = scale();
        String title = (count > MOST ? "The first " + MOST + " of " + count : "The " + count) + " " + units
                + ": blue speaks for the unit, vermilion against it";
        ImageGridPlot.write(
                png,
                title,
                weights,
                captions,
                weight -> Canvas.tint(weight > 0 ? Canvas.BLUE : Canvas.VERMILION, Math.abs(weight) / scale));
    }

    /** Where the colours are full: the few weights beyond it would leave all others pale. */
    private double scale() {
        double[] sizes = weights.stream()
                .flatMap(Arrays::stream)
                .flatMapToDouble(row -> IntStream.range(0, row.length).mapToDouble(i -> Math.abs(row[i])))
                .sorted()
                .toArray();
        return Math.max(Float.MIN_NORMAL, sizes[(int) (FULL * (sizes.length - 1))]);
    }
}
