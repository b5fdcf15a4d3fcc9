package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/** A picture of which digits are taken for which. */
public final class ConfusionMatrix {
    private static final int CELL = 32;
    private static final int LEFT = 48;
    private static final int TOP = 36;
    private static final int BOTTOM = 44;
    private static final int RIGHT = 16;

    private ConfusionMatrix() {}

    /**
     * Draws a row for each class and a column for each answer, with counts; right answers are blue and wrong ones
     * vermilion, each the darker the more there are.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @throws IOException if the file cannot be written
     */
    public static void write(Path png, Predictions predictions) throws IOException {
        int classes = predictions.classes();
        int side = CELL * classes;
        Canvas.write(png, LEFT + side + RIGHT, TOP + side + BOTTOM, graphics -> {
            String title = String.format(
                    Locale.ROOT,
                    "Which digit is taken for which: %,d of %,d right",
                    predictions.correctCount(),
                    predictions.size());
            double middle = LEFT + side / 2.0;
            Canvas.centred(graphics, title, Canvas.TITLE_FONT, Canvas.INK, middle, 22);
            Canvas.centred(graphics, "answer", Canvas.LABEL_FONT, Canvas.INK, middle, TOP + side + 34);
            AffineTransform upright = graphics.getTransform();
            graphics.rotate(-Math.PI / 2, 16, TOP + side / 2.0);
            Canvas.centred(graphics, "digit", Canvas.LABEL_FONT, Canvas.INK, 16, TOP + side / 2.0);
            graphics.setTransform(upright);
            for (int i = 0; i < classes; i++) {
                String name = Integer.toString(i);
                double centre = (i + 0.5) * CELL;
                Canvas.centred(graphics, name, Canvas.TICK_FONT, Canvas.INK, LEFT + centre, TOP + side + 14);
                Canvas.centred(graphics, name, Canvas.TICK_FONT, Canvas.INK, LEFT - 12, TOP + centre + 3);
            }
            draw(graphics, predictions.confusion());
        });
    }

    private static void draw(Graphics2D graphics, int[][] counts) {
        int mostRight = 1;
        int mostWrong = 1;
        for (int row = 0; row < counts.length; row++) {
            for (int column = 0; column < counts.length; column++) {
                if (row == column) {
                    mostRight = Math.max(mostRight, counts[row][column]);
                } else {
                    mostWrong = Math.max(mostWrong, counts[row][column]);
                }
            }
        }
        for (int row = 0; row < counts.length; row++) {
            int all = Arrays.stream(counts[row]).sum();
            for (int column = 0; column < counts.length; column++) {
                int count = counts[row][column];
                boolean right = row == column;
                double strength = right ? (double) count / mostRight : 0.8 * count / mostWrong;
                Color colour = Canvas.tint(right ? Canvas.BLUE : Canvas.VERMILION, strength);
                Rectangle2D cell =
                        new Rectangle2D.Double(LEFT + column * CELL + 0.5, TOP + row * CELL + 0.5, CELL - 1, CELL - 1);
                graphics.setColor(all == 0 ? Color.WHITE : colour);
                graphics.fill(cell);
                if (count > 0) {
                    Color ink = strength > (right ? 0.55 : 0.75) ? Color.WHITE : Canvas.INK;
                    Canvas.centred(
                            graphics,
                            Integer.toString(count),
                            Canvas.TICK_FONT,
                            ink,
                            cell.getCenterX(),
                            cell.getCenterY() + 3);
                }
            }
        }
        graphics.setColor(Canvas.tint(Canvas.INK, 0.5));
        graphics.draw(new Rectangle2D.Double(LEFT, TOP, CELL * counts.length, CELL * counts.length));
    }
}
