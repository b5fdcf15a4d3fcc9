package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.plot.Fonts;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/** Which digits are taken for which, as an image. */
final class ConfusionMatrix {
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
    static void write(Path png, Predictions predictions) throws IOException {
        if (!Fonts.canDraw(png)) {
            return;
        }
        int classes = predictions.classes();
        int side = CELL * classes;
        String title = String.format(
                Locale.ROOT,
                "Which digit is taken for which: %,d of %,d right",
                predictions.correctCount(),
                predictions.size());
        Canvas.write(png, LEFT + side + RIGHT, TOP + side + BOTTOM, canvas -> {
            double middle = LEFT + side / 2.0;
            canvas.title(title, middle);
            canvas.label("answer", middle, TOP + side + 34);
            canvas.verticalLabel("digit", 16, TOP + side / 2.0);
            for (int i = 0; i < classes; i++) {
                String name = Integer.toString(i);
                double centre = (i + 0.5) * CELL;
                canvas.tick(name, LEFT + centre, TOP + side + 14);
                canvas.tick(name, LEFT - 12, TOP + centre + 3);
            }
            draw(canvas, predictions.confusion());
        });
    }

    private static void draw(Canvas canvas, int[][] counts) {
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
        Graphics2D graphics = canvas.graphics();
        for (int row = 0; row < counts.length; row++) {
            for (int column = 0; column < counts.length; column++) {
                int count = counts[row][column];
                boolean right = row == column;
                double strength = right ? (double) count / mostRight : 0.8 * count / mostWrong;
                int x = LEFT + column * CELL;
                int y = TOP + row * CELL;
                graphics.setColor(Canvas.tint(right ? Canvas.BLUE : Canvas.VERMILION, strength));
                graphics.fill(new Rectangle2D.Double(x + 0.5, y + 0.5, CELL - 1, CELL - 1));
                if (count > 0) {
                    Color ink = strength > (right ? 0.55 : 0.75) ? Color.WHITE : Canvas.INK;
                    canvas.text(
                            Integer.toString(count), Canvas.TICK_FONT, ink, 0.5, x + CELL / 2.0, y + CELL / 2.0 + 3);
                }
            }
        }
        graphics.setColor(Canvas.FRAME);
        graphics.draw(new Rectangle2D.Double(LEFT, TOP, CELL * counts.length, CELL * counts.length));
    }
}
