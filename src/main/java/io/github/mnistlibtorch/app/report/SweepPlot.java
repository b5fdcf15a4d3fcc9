package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.app.run.Sweep;
import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;

/** Many runs as an image, one below the other, the best first. */
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

    private static final Font BOLD = Canvas.TICK_FONT.deriveFont(Font.BOLD);
    private static final Color FAINT = Canvas.tint(Canvas.BLUE, 0.45);

    /** Of the axis, in per cent. */
    private static final double[] TICKS = {0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100};

    private final List<String> options;
    private final List<Row> rows;

    /** Where the columns begin, and behind them the dots. */
    private final List<Double> columns = new ArrayList<>();

    private final double left;
    private final int width;
    private final double right;

    /** The ends of the axis, which is logarithmic: from a tick to a tick, around all dots. */
    private final double low;

    private final double high;

    private SweepPlot(List<String> options, List<Row> rows) {
        this.options = options;
        this.rows = rows;
        double x = MARGIN;
        for (int i = 0; i < options.size(); i++) {
            columns.add(x);
            double widest = Canvas.width(options.get(i), BOLD);
            for (Row row : rows) {
                widest = Math.max(widest, Canvas.width(shortened(row.values.get(i)), Canvas.TICK_FONT));
            }
            x += widest + GAP;
        }
        left = x;
        width = (int) Math.max(WIDTH, left + DOTS + RESULT + MARGIN);
        right = width - MARGIN - RESULT;

        DoubleSummaryStatistics mistakes = rows.stream()
                .flatMap(row -> row.accuracies.stream())
                .flatMap(List::stream)
                .mapToDouble(SweepPlot::mistakes)
                .summaryStatistics();
        double floor = TICKS[0];
        double ceiling = TICKS[TICKS.length - 1];
        for (double tick : TICKS) {
            floor = tick <= mistakes.getMin() ? tick : floor;
            ceiling = tick >= Math.max(1, mistakes.getMax()) ? Math.min(ceiling, tick) : ceiling;
        }
        low = Math.min(floor, ceiling / 10);
        high = ceiling;
    }

    /**
     * A run, or some that differ in nothing but their seed.
     *
     * @param values of the options that are compared
     * @param accuracies of each run that came to its end, on the validation set after each epoch, from 0 to 1
     * @param trouble what became of the others; empty if there are none
     */
    public record Row(List<String> values, List<List<Double>> accuracies, String trouble) implements Comparable<Row> {
        /** What came of runs that differ in nothing but their seed. */
        public static Row of(List<String> values, List<Sweep.Run> runs) {
            List<List<Double>> accuracies = runs.stream()
                    .filter(run -> run.failed() == null)
                    .map(run -> run.history().stream()
                            .skip(1)
                            .map(EpochResult::valAcc)
                            .toList())
                    .toList();
            int failed = runs.size() - accuracies.size();
            return new Row(values, accuracies, failed == 0 ? "" : runs.size() == 1 ? "failed" : failed + " failed");
        }

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
     * Draws {@code 1 - val_acc}, about the share of mistakes on the validation set, on a logarithmic axis: a small dot after
     * each epoch, a large one at the end.
     *
     * @param png replaced or created, whole or not at all; its folder must exist
     * @param options names of what is compared, one for each of a row's values
     * @param rows at least one
     * @throws IOException if the file cannot be written
     */
    public static void write(Path png, List<String> options, List<Row> rows) throws IOException {
        SweepPlot plot = new SweepPlot(options, rows.stream().sorted().toList());
        Canvas.write(png, plot.width, TOP + ROW * rows.size() + BOTTOM, plot::draw);
    }

    private void draw(Canvas canvas) {
        double bottom = TOP + ROW * rows.size();
        double middle = (left + right) / 2;
        canvas.title("Mistakes on the validation set", middle);
        canvas.tick(
                "1 - val_acc, the mean over batches; a small dot after each epoch, a large one at the end", middle, 36);
        canvas.graphics().setStroke(new BasicStroke(0.5f));
        for (double tick : TICKS) {
            if (tick >= low && tick <= high) {
                canvas.xTick((tick < 1 ? "" + tick : "" + (int) tick) + " %", x(tick), TOP - 4, bottom);
            }
        }
        canvas.label("1 - val_acc", middle, bottom + 32);
        for (int i = 0; i < options.size(); i++) {
            canvas.text(options.get(i), BOLD, Canvas.INK, 0, columns.get(i), TOP - 8);
        }
        canvas.text("val_acc", BOLD, Canvas.INK, 0, right + 8, TOP - 8);
        for (int i = 0; i < rows.size(); i++) {
            draw(canvas, rows.get(i), TOP + ROW * (i + 0.5));
        }
    }

    private void draw(Canvas canvas, Row row, double y) {
        Graphics2D graphics = canvas.graphics();
        graphics.setColor(Canvas.GRID);
        graphics.draw(new Line2D.Double(MARGIN, y + ROW / 2.0, width - MARGIN, y + ROW / 2.0));
        for (int i = 0; i < options.size(); i++) {
            canvas.text(shortened(row.values.get(i)), columns.get(i), y + 3);
        }
        graphics.setColor(FAINT);
        row.accuracies.forEach(run -> run.forEach(accuracy -> dot(graphics, accuracy, y, SMALL)));
        graphics.setColor(Canvas.BLUE);
        row.accuracies.forEach(run -> dot(graphics, Row.last(run), y, LARGE));
        if (!row.accuracies.isEmpty()) {
            canvas.text(String.format(Locale.ROOT, "%.4f", row.accuracy()), right + 8, y + 3);
        }
        if (!row.trouble.isEmpty()) {
            canvas.text(row.trouble, Canvas.TICK_FONT, Canvas.VERMILION, 0, left + GAP, y + 3);
        }
    }

    private void dot(Graphics2D graphics, double accuracy, double y, double size) {
        graphics.fill(new Ellipse2D.Double(x(mistakes(accuracy)) - size / 2, y - size / 2, size, size));
    }

    private double x(double mistakes) {
        return left + GAP + (right - left - 2 * GAP) * Math.log(mistakes / low) / Math.log(high / low);
    }

    /** In per cent; none at all is drawn where the axis ends. */
    private static double mistakes(double accuracy) {
        return Math.max(TICKS[0], 100 * (1 - accuracy));
    }

    private static String shortened(String value) {
        return value.length() <= LONGEST ? value : value.substring(0, LONGEST - 1) + "\u2026";
    }
}
