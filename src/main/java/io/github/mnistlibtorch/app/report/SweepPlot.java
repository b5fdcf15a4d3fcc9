package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.torch.plot.Canvas;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.font.FontRenderContext;
import java.awt.font.TextLayout;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** A picture of many runs, one below the other, the best first. */
public final class SweepPlot {
    /** Lengths are in points, 72 to the inch. */
    private static final int WIDTH = 9 * 72;

    private static final int MARGIN = 16;
    private static final int TOP = 64;
    private static final int BOTTOM = 44;
    private static final int ROW = 18;
    private static final int GAP = 14;
    private static final int RESULT = 56;
    private static final int DOTS = 300;
    private static final int LONGEST = 40;
    private static final double LARGE = 7;
    private static final double SMALL = 3;

    private static final Color GRID = Canvas.tint(Canvas.INK, 0.15);
    private static final Color FAINT = Canvas.tint(Canvas.BLUE, 0.45);

    /** Of the axis, in per cent. */
    private static final double[] TICKS = {0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100};

    private final List<String> options;
    private final List<Row> rows;

    /** Where the columns begin, and behind them the dots. */
    private final List<Double> columns = new ArrayList<>();

    private final double left;
    private final int width;

    private SweepPlot(List<String> options, List<Row> rows) {
        this.options = options;
        this.rows = rows;
        FontRenderContext context = new FontRenderContext(null, true, true);
        double x = MARGIN;
        for (int i = 0; i < options.size(); i++) {
            columns.add(x);
            x += width(i, context) + GAP;
        }
        left = x;
        width = (int) Math.max(WIDTH, left + DOTS + RESULT + MARGIN);
    }

    /**
     * A run, or some that differ in nothing but their seed.
     *
     * @param values of the options that are compared
     * @param accuracies of each run that came to its end, on the validation set after each epoch, from 0 to 1
     * @param trouble what became of the others; empty if there are none
     */
    public record Row(List<String> values, List<List<Double>> accuracies, String trouble) implements Comparable<Row> {
        /** The best first; those of which a run did not come to its end are behind the others. */
        @Override
        public int compareTo(Row other) {
            return Comparator.<Row, Boolean>comparing(row -> !row.trouble.isEmpty())
                    .thenComparing(Comparator.comparingDouble(Row::accuracy).reversed())
                    .compare(this, other);
        }

        /** At the end, on average; 0 if no run came to its end. */
        public double accuracy() {
            return accuracies.stream().mapToDouble(Row::last).average().orElse(0);
        }

        private static double last(List<Double> run) {
            return run.get(run.size() - 1);
        }
    }

    /**
     * Draws {@code 1 - val_acc}, about the share of mistakes on the validation set, on a logarithmic axis: a small dot after each epoch, a large one at
     * the end.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param options names of what is compared, one for each of a row's values
     * @param rows at least one
     * @throws IOException if the file cannot be written
     */
    public static void write(Path png, List<String> options, List<Row> rows) throws IOException {
        new SweepPlot(options, rows.stream().sorted().toList()).write(png);
    }

    private void write(Path png) throws IOException {
        Canvas.write(png, width, TOP + ROW * rows.size() + BOTTOM, this::draw);
    }

    private void draw(Graphics2D graphics) {
        double right = width - MARGIN - RESULT;
        double bottom = TOP + ROW * rows.size();
        double[] range = range();
        Scale scale = new Scale(left + GAP, right - GAP, range[0], range[1]);

        graphics.setStroke(new BasicStroke(0.5f));
        double middle = (left + right) / 2;
        Canvas.centred(graphics, "Mistakes on the validation set", Canvas.TITLE_FONT, Canvas.INK, middle, 22);
        Canvas.centred(
                graphics,
                "1 - val_acc, the mean over batches; a small dot after each epoch, a large one at the end",
                Canvas.TICK_FONT,
                Canvas.INK,
                middle,
                36);
        for (double tick : TICKS) {
            if (tick >= range[0] && tick <= range[1]) {
                double at = scale.x(tick);
                graphics.setColor(GRID);
                graphics.draw(new Line2D.Double(at, TOP - 4, at, bottom));
                Canvas.centred(graphics, percent(tick), Canvas.TICK_FONT, Canvas.INK, at, bottom + 14);
            }
        }
        Canvas.centred(graphics, "1 - val_acc", Canvas.LABEL_FONT, Canvas.INK, middle, bottom + 32);
        for (int i = 0; i < options.size(); i++) {
            Canvas.text(graphics, options.get(i), bold(), Canvas.INK, columns.get(i), TOP - 8);
        }
        Canvas.text(graphics, "val_acc", bold(), Canvas.INK, right + 8, TOP - 8);
        for (int i = 0; i < rows.size(); i++) {
            draw(graphics, rows.get(i), scale, right, TOP + ROW * (i + 0.5));
        }
    }

    private void draw(Graphics2D graphics, Row row, Scale scale, double right, double y) {
        graphics.setColor(GRID);
        graphics.draw(new Line2D.Double(MARGIN, y + ROW / 2.0, width - MARGIN, y + ROW / 2.0));
        for (int i = 0; i < options.size(); i++) {
            Canvas.text(graphics, shortened(row, i), Canvas.TICK_FONT, Canvas.INK, columns.get(i), y + 3);
        }
        for (List<Double> run : row.accuracies()) {
            graphics.setColor(FAINT);
            run.forEach(accuracy -> dot(graphics, scale.x(mistakes(accuracy)), y, SMALL));
        }
        for (List<Double> run : row.accuracies()) {
            graphics.setColor(Canvas.BLUE);
            dot(graphics, scale.x(mistakes(Row.last(run))), y, LARGE);
        }
        if (!row.accuracies().isEmpty()) {
            String result = String.format(Locale.ROOT, "%.4f", row.accuracy());
            Canvas.text(graphics, result, Canvas.TICK_FONT, Canvas.INK, right + 8, y + 3);
        }
        if (!row.trouble().isEmpty()) {
            Canvas.text(graphics, row.trouble(), Canvas.TICK_FONT, Canvas.VERMILION, scale.left, y + 3);
        }
    }

    private static void dot(Graphics2D graphics, double x, double y, double size) {
        graphics.fill(new Ellipse2D.Double(x - size / 2, y - size / 2, size, size));
    }

    private double width(int option, FontRenderContext context) {
        double width = new TextLayout(options.get(option), bold(), context).getAdvance();
        for (Row row : rows) {
            width = Math.max(width, new TextLayout(shortened(row, option), Canvas.TICK_FONT, context).getAdvance());
        }
        return width;
    }

    private static String shortened(Row row, int option) {
        String value = row.values().get(option);
        return value.length() <= LONGEST ? value : value.substring(0, LONGEST - 1) + "\u2026";
    }

    /** From a tick to a tick, around all dots. */
    private double[] range() {
        double least = 100;
        double most = 1;
        for (Row row : rows) {
            for (List<Double> run : row.accuracies()) {
                for (double accuracy : run) {
                    least = Math.min(least, mistakes(accuracy));
                    most = Math.max(most, mistakes(accuracy));
                }
            }
        }
        double low = TICKS[0];
        double high = TICKS[TICKS.length - 1];
        for (double tick : TICKS) {
            low = tick <= least ? tick : low;
            high = tick >= most ? Math.min(high, tick) : high;
        }
        return new double[] {Math.min(low, high / 10), high};
    }

    /** In per cent; none at all is drawn where the axis ends. */
    private static double mistakes(double accuracy) {
        return Math.max(TICKS[0], 100 * (1 - accuracy));
    }

    private static Font bold() {
        return Canvas.TICK_FONT.deriveFont(Font.BOLD);
    }

    private static String percent(double value) {
        return (value < 1 ? Double.toString(value) : Integer.toString((int) value)) + " %";
    }

    /** A logarithmic axis. */
    private record Scale(double left, double right, double low, double high) {
        double x(double value) {
            return left + (right - left) * Math.log(value / low) / Math.log(high / low);
        }
    }
}
