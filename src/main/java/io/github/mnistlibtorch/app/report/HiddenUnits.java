package io.github.mnistlibtorch.app.report;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;

/** What each hidden unit looks for, as images. */
final class HiddenUnits {
    private static final int MOST = 64;
    private static final int MOST_OTHERS = 192;

    /** Share of the weights that are told from each other by their colour. */
    private static final double FULL = 0.995;

    private record Unit(int index, float[] weights, int width, String name) {}

    private final List<Unit> units;
    private final List<Unit> others;
    private final String title;
    private final boolean isConvolution;
    private final boolean isTransposed;
    private final long count;

    /** What the output layer makes of each unit, class by class; empty if there are layers in between. */
    private final List<double[]> votes;

    /** {@link #HiddenUnits(Module, ImageSpec, List)} of the first units alone. */
    HiddenUnits(Module model, ImageSpec images) {
        this(model, images, List.of());
    }

    /**
     * Copies the weights of the first layer's units, of the first 64 if there are more: hidden units, or the filters of a
     * convolution.
     *
     * @param model may be closed afterwards
     * @param images that the model takes; of their channels, the sum is shown
     * @param mentioned units whose weights to copy as well, as far as there is room
     */
    HiddenUnits(Module model, ImageSpec images, List<Integer> mentioned) {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> parameters = StateDict.of(model);
            Tensor weight = parameters.values().iterator().next();
            isConvolution = weight.dim() == 4;
            isTransposed = images.isTransposed();
            int width = isConvolution ? (int) weight.size(3) : images.columns();
            String name = isConvolution ? "filter " : "unit ";
            count = weight.size(0);
            IntFunction<Unit> copy = unit -> new Unit(
                    unit,
                    Tensors.toFloats(
                            weight.select(0, unit).view(images.channels(), -1).sum(0)),
                    width,
                    name + unit);
            units = IntStream.range(0, (int) Math.min(MOST, count))
                    .mapToObj(copy)
                    .toList();
            Tensor output = parameters.get("linear2.weight");
            boolean isOnly = !isConvolution && output != null && !parameters.containsKey("linear3.weight");
            others = mentioned.stream()
                    .distinct()
                    .filter(unit -> isOnly && unit >= MOST)
                    .limit(MOST_OTHERS)
                    .map(copy::apply)
                    .toList();
            votes = isOnly
                    ? units.stream()
                            .map(unit ->
                                    Tensors.toDoubles(requireNonNull(output).select(1, unit.index)))
                            .toList()
                    : List.of();
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

    /** For a page: the weights as images, upright, and which classes each unit speaks for and against most. */
    Map<String, Object> sheet() throws IOException {
        List<Unit> all = Stream.concat(units.stream(), others.stream()).toList();
        int width = all.get(0).width;
        int height = all.get(0).weights.length / width;
        double scale = scale();
        int by = SpriteSheet.shrinking(width, height);
        int columns = isTransposed ? height : width;
        int rows = isTransposed ? width : height;
        List<byte[]> images = all.stream()
                .map(unit -> isTransposed ? transposed(unit.weights, width) : unit.weights)
                .map(weights -> SpriteSheet.shrink(weights, 1, columns, rows, by))
                .map(weights -> SpriteSheet.signed(weights, scale))
                .toList();
        Map<String, Object> sheet =
                SpriteSheet.of(images, SpriteSheet.shrunk(columns, by), SpriteSheet.shrunk(rows, by), 1);
        sheet.put("filters", isConvolution);
        sheet.put("count", count);
        sheet.put("shown", units.size());
        sheet.put("units", all.stream().map(Unit::index).toList());
        sheet.put("for", votes.stream().map(vote -> strongest(vote, 1)).toList());
        sheet.put("against", votes.stream().map(vote -> strongest(vote, -1)).toList());
        return sheet;
    }

    private static int strongest(double[] vote, int sign) {
        return IntStream.range(0, vote.length)
                .boxed()
                .max(Comparator.comparingDouble(output -> sign * vote[output]))
                .orElseThrow();
    }

    static float[] transposed(float[] values, int width) {
        int height = values.length / width;
        float[] transposed = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            transposed[i % width * height + i / width] = values[i];
        }
        return transposed;
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
