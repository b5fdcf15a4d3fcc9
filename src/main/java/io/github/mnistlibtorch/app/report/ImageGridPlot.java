package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.DoubleFunction;
import org.bytedeco.pytorch.Tensor;

/** Small pictures in rows, each with a line of text below it. */
final class ImageGridPlot {
    private static final int PER_ROW = 8;
    private static final int SIDE = 56;
    private static final int GAP = 24;
    private static final int CAPTION = 14;
    private static final int BELOW = 12;
    private static final int TOP = 36;

    private ImageGridPlot() {}

    /**
     * @param values of the small pictures, rows by columns
     * @param captions as many
     */
    static void write(
            Path png, String title, List<float[][]> values, List<String> captions, DoubleFunction<Color> colour)
            throws IOException {
        int rows = (values.size() + PER_ROW - 1) / PER_ROW;
        int width = GAP + PER_ROW * (SIDE + GAP);
        Canvas.write(png, width, TOP + Math.max(1, rows) * (SIDE + CAPTION + BELOW), graphics -> {
            Canvas.centred(graphics, title, Canvas.TITLE_FONT, Canvas.INK, width / 2.0, 22);
            // A pixel of a digit stays a square.
            graphics.setRenderingHint(
                    RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
            for (int i = 0; i < values.size(); i++) {
                int x = GAP + i % PER_ROW * (SIDE + GAP);
                int y = TOP + i / PER_ROW * (SIDE + CAPTION + BELOW);
                draw(graphics, values.get(i), colour, x, y);
                Canvas.centred(graphics, captions.get(i), Canvas.TICK_FONT, Canvas.INK, x + SIDE / 2.0, y + SIDE + 11);
            }
        });
    }

    private static void draw(Graphics2D graphics, float[][] values, DoubleFunction<Color> colour, int x, int y) {
        BufferedImage image = new BufferedImage(values[0].length, values.length, BufferedImage.TYPE_INT_RGB);
        for (int row = 0; row < values.length; row++) {
            for (int column = 0; column < values[row].length; column++) {
                image.setRGB(column, row, colour.apply(values[row][column]).getRGB());
            }
        }
        graphics.drawImage(image, x, y, SIDE, SIDE, null);
    }

    /** The numbers of a tensor with {@code rows * columns} elements, on any device. */
    static float[][] values(Tensor tensor, int rows, int columns) {
        float[] flat = Tensors.toFloats(tensor);
        float[][] values = new float[rows][columns];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(flat, row * columns, values[row], 0, columns);
        }
        return values;
    }
}
