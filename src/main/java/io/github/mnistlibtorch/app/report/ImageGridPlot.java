package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.plot.Fonts;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.DoubleFunction;

/** Small images in rows, each with a line of text below it. */
final class ImageGridPlot {
    private static final int PER_ROW = 8;
    private static final int SIDE = 56;
    private static final int GAP = 24;
    private static final int CAPTION = 14;
    private static final int BELOW = 12;
    private static final int TOP = 36;

    private ImageGridPlot() {}

    /** @param values row by row */
    record Image(float[] values, int width, String caption) {}

    static void write(Path png, String title, List<Image> images, DoubleFunction<Color> colour) throws IOException {
        if (!Fonts.canDraw(png)) {
            return;
        }
        int rows = (images.size() + PER_ROW - 1) / PER_ROW;
        int width = GAP + PER_ROW * (SIDE + GAP);
        Canvas.write(png, width, TOP + Math.max(1, rows) * (SIDE + CAPTION + BELOW), canvas -> {
            canvas.title(title, width / 2.0);
            for (int i = 0; i < images.size(); i++) {
                int x = GAP + i % PER_ROW * (SIDE + GAP);
                int y = TOP + i / PER_ROW * (SIDE + CAPTION + BELOW);
                draw(canvas.graphics(), images.get(i), colour, x, y);
                canvas.tick(images.get(i).caption, x + SIDE / 2.0, y + SIDE + 11);
            }
        });
    }

    private static void draw(Graphics2D graphics, Image image, DoubleFunction<Color> colour, int x, int y) {
        int width = image.width;
        BufferedImage pixels = new BufferedImage(width, image.values.length / width, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < image.values.length; i++) {
            pixels.setRGB(i % width, i / width, colour.apply(image.values[i]).getRGB());
        }
        // A pixel of a digit stays a square.
        graphics.setRenderingHint(
                RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        graphics.drawImage(pixels, x, y, SIDE, SIDE, null);
    }
}
