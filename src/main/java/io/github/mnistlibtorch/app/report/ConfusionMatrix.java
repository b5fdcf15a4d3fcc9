package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Which classes are taken for which, as an image. */
final class ConfusionMatrix {
    private static final int CELL = 32;
    private static final int SMALL_CELL = 16;

    /** More classes have small cells, and no counts in them. */
    private static final int MOST_LARGE = 20;

    private static final int LEFT = 48;
    private static final int TOP = 36;
    private static final int BOTTOM = 44;
    private static final int RIGHT = 16;

    /** Names of more characters are written upwards below the columns. */
    private static final int SHORT = 3;

    private static final int LONGEST_NAME = 16;

    private final int[][] counts;
    private final List<String> names;
    private final int cell;
    private final int left;
    private final int below;

    private ConfusionMatrix(Predictions predictions, List<String> classes) {
        counts = predictions.confusion();
        names = classes.stream()
                .map(name -> name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME - 1) + "\u2026" : name)
                .toList();
        cell = counts.length > MOST_LARGE ? SMALL_CELL : CELL;
        double widest = names.stream()
                .mapToDouble(name -> Canvas.width(name, Canvas.TICK_FONT))
                .max()
                .orElse(0);
        left = (int) Math.max(LEFT, 32 + Math.ceil(widest));
        below = areShort() ? 0 : (int) Math.ceil(widest);
    }

    private boolean areShort() {
        return names.stream().allMatch(name -> name.length() <= SHORT);
    }

    /**
     * Draws a row for each class and a column for each answer, with counts; right answers are blue and wrong ones
     * vermilion, each the darker the more there are.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param classes their names
     * @throws IOException if the file cannot be written
     */
    static void write(Path png, Predictions predictions, List<String> classes, boolean areDigits) throws IOException {
        String word = areDigits ? "digit" : "class";
        String title = String.format(
                Locale.ROOT,
                "Which %s is taken for which: %,d of %,d right",
                word,
                predictions.correctCount(),
                predictions.size());
        new ConfusionMatrix(predictions, classes).write(png, title, word);
    }

    private void write(Path png, String title, String word) throws IOException {
        int side = cell * counts.length;
        int width = Math.max(left + side + RIGHT, (int) Canvas.width(title, Canvas.LABEL_FONT) * 5 / 4);
        Canvas.write(png, width, TOP + side + BOTTOM + below, canvas -> {
            double middle = left + side / 2.0;
            canvas.title(title, Math.max(middle, width / 2.0));
            canvas.label("answer", middle, TOP + side + below + 34);
            canvas.verticalLabel(word, 16, TOP + side / 2.0);
            for (int i = 0; i < counts.length; i++) {
                String name = names.get(i);
                double centre = (i + 0.5) * cell;
                if (areShort()) {
                    canvas.tick(name, left + centre, TOP + side + 14);
                    canvas.tick(name, left - 12, TOP + centre + 3);
                } else {
                    canvas.verticalText(name, left + centre + 3, TOP + side + 8);
                    canvas.text(name, Canvas.TICK_FONT, Canvas.INK, 1, left - 7, TOP + centre + 3);
                }
            }
            draw(canvas);
        });
    }

    private void draw(Canvas canvas) {
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
                int x = left + column * cell;
                int y = TOP + row * cell;
                graphics.setColor(Canvas.tint(right ? Canvas.BLUE : Canvas.VERMILION, strength));
                graphics.fill(new Rectangle2D.Double(x + 0.5, y + 0.5, cell - 1, cell - 1));
                if (count > 0 && cell == CELL) {
                    Color ink = strength > (right ? 0.55 : 0.75) ? Color.WHITE : Canvas.INK;
                    canvas.text(
                            Integer.toString(count), Canvas.TICK_FONT, ink, 0.5, x + cell / 2.0, y + cell / 2.0 + 3);
                }
            }
        }
        graphics.setColor(Canvas.FRAME);
        graphics.draw(new Rectangle2D.Double(left, TOP, cell * counts.length, cell * counts.length));
    }
}
