package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.DoubleFunction;

/** Small images in rows, each with a line of text below it, or several. */
final class ImageGridPlot {
    private static final int PER_ROW = 8;
    private static final int SIDE = 56;
    private static final int GAP = 24;
    private static final int CAPTION = 14;
    private static final int LINE = 11;
    private static final int BELOW = 12;
    private static final int TOP = 36;

    private ImageGridPlot() {}

    /** @param rgb row by row */
    record Image(int[] rgb, int width, String caption) {
        /** @param values row by row, of one channel or, one after the other, of three that are colours */
        static Image of(float[] values, int channels, int width, String caption, DoubleFunction<Color> colour) {
            int[] rgb = new int[values.length / channels];
            for (int i = 0; i < rgb.length; i++) {
                rgb[i] = channels == 1
                        ? colour.apply(values[i]).getRGB()
                        : new Color(values[i], values[rgb.length + i], values[2 * rgb.length + i]).getRGB();
            }
            return new Image(rgb, width, caption);
        }
    }

    static void write(Path png, String title, List<Image> images) throws IOException {
        int rows = (images.size() + PER_ROW - 1) / PER_ROW;
        int width = GAP + PER_ROW * (SIDE + GAP);
        long lines = images.stream()
                .mapToLong(image -> image.caption.lines().count())
                .max()
                .orElse(1);
        int rowHeight = SIDE + CAPTION + BELOW + (int) (lines - 1) * LINE;
        Canvas.write(png, width, TOP + Math.max(1, rows) * rowHeight, canvas -> {
            canvas.title(title, width / 2.0);
            for (int i = 0; i < images.size(); i++) {
                int x = GAP + i % PER_ROW * (SIDE + GAP);
                int y = TOP + i / PER_ROW * rowHeight;
                draw(canvas.graphics(), images.get(i), x, y);
                int baseline = y + SIDE + 11;
                for (String line : images.get(i).caption.split("\n")) {
                    canvas.tick(fitting(line), x + SIDE / 2.0, baseline);
                    baseline += LINE;
                }
            }
        });
    }

    /** Without its end, where it would run into the next one. */
    private static String fitting(String caption) {
        String fitting = caption;
        while (Canvas.width(fitting, Canvas.TICK_FONT) > SIDE + GAP && fitting.length() > 2) {
            fitting = fitting.substring(0, fitting.length() - 2) + "\u2026";
        }
        return fitting;
    }

    private static void draw(Graphics2D graphics, Image image, int x, int y) {
        int width = image.width;
        BufferedImage pixels = new BufferedImage(width, image.rgb.length / width, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < image.rgb.length; i++) {
            pixels.setRGB(i % width, i / width, image.rgb[i]);
        }
        // A pixel of a digit stays a square.
        graphics.setRenderingHint(
                RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        graphics.drawImage(pixels, x, y, SIDE, SIDE, null);
    }
}
