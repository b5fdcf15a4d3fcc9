package io.github.mnistlibtorch.torch.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** One quantity against the number of epochs, as the validation has it and as the training has. */
final class LineChart {
    /** Lengths are in points, 72 to the inch, as in matplotlib. */
    private static final int WIDTH = 8 * 72;

    private static final int HEIGHT = 5 * 72;
    private static final int LEFT = 34;
    private static final int RIGHT = WIDTH - 10;
    private static final int TOP = 32;
    private static final int BOTTOM = HEIGHT - 45;
    private static final int NOTE_HEIGHT = 14;
    private static final int LEGEND_HEIGHT = 14;
    private static final int MARK_SIZE = 6;

    /** Of all marks of a line together: those of a long history would run into each other. */
    private static final int MARKS_WIDTH = 375;

    private static final int MAX_X_TICKS = 12;
    private static final int MAX_Y_TICKS = 7;

    /** Beyond this a loss says no more than infinity does, and differences could overflow. */
    private static final double LARGEST = 1e300;

    /** A curve that varies less than this, relative to its size, is drawn level. */
    private static final double LEVEL = 1e-6;

    private static final int LONGEST_LIST = 60;

    private final Canvas canvas;
    private final Graphics2D graphics;
    private final Axis x;
    private final Axis y;
    private final double left;
    private final double middle;
    private final double top;
    private final double bottom;

    private LineChart(Canvas canvas, Axis x, Axis y, boolean hasNote, boolean hasLegend) {
        this.canvas = canvas;
        this.graphics = canvas.graphics();
        this.x = x;
        this.y = y;
        left = LEFT
                + y.ticks()
                        .mapToDouble(tick -> Canvas.width(y.label(tick), Canvas.TICK_FONT))
                        .max()
                        .orElse(0);
        middle = (left + RIGHT) / 2;
        top = TOP + (hasNote ? NOTE_HEIGHT : 0);
        bottom = BOTTOM - (hasLegend ? LEGEND_HEIGHT : 0);
    }

    private enum Line {
        VALIDATION(Canvas.BLUE, 1.5f),
        TRAINING(Canvas.VERMILION, 1);

        private final Color colour;
        private final BasicStroke stroke;

        Line(Color colour, float width) {
            this.colour = colour;
            this.stroke = new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
        }

        /** The mark of {@code '-x'}, or little more than the thin line, so that a lone point is seen. */
        void drawMark(Graphics2D graphics, double x, double y, int size) {
            double half = size / 2.0;
            if (this == VALIDATION) {
                graphics.draw(new Line2D.Double(x - half, y - half, x + half, y + half));
                graphics.draw(new Line2D.Double(x - half, y + half, x + half, y - half));
            } else {
                graphics.fill(new Ellipse2D.Double(x - 1.5, y - 1.5, 3, 3));
            }
        }
    }

    /** @param training a value for each epoch; none draws no second line */
    static void write(Path png, String quantity, List<Double> values, List<Double> training) throws IOException {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("nothing to plot: the history is empty");
        }
        // At least one epoch wide, so that a lone point stands at its epoch and not on an axis without length.
        int lastEpoch = Math.max(1, values.size() - 1);
        Axis x = Axis.of(0, lastEpoch, MAX_X_TICKS, true);
        Axis y = axisFor(Stream.concat(values.stream(), training.stream()));
        String note = note(quantity, values);
        boolean two = training.stream().anyMatch(LineChart::isPlottable);
        int markSize = Math.max(MARK_SIZE / 2, Math.min(MARK_SIZE, MARKS_WIDTH / lastEpoch));
        Canvas.write(png, WIDTH, HEIGHT, canvas -> {
            LineChart chart = new LineChart(canvas, x, y, !note.isEmpty(), two);
            chart.drawFrame(quantity, note);
            chart.draw(Line.VALIDATION, values, /* first= */ 0, markSize);
            if (two) {
                // The mean over an epoch is that of its middle.
                chart.draw(Line.TRAINING, training, /* first= */ 0.5, markSize);
                chart.drawKey("validation", chart.middle - 84, Line.VALIDATION);
                chart.drawKey("training", chart.middle - 4, Line.TRAINING);
            }
        });
    }

    private void drawFrame(String quantity, String note) {
        String title =
                quantity.substring(0, 1).toUpperCase(Locale.ROOT) + quantity.substring(1) + " vs. number of epochs";
        canvas.title(title, middle);
        if (!note.isEmpty()) {
            canvas.tick(note, middle, top - 10);
        }
        canvas.label("epoch", middle, bottom + 33);
        canvas.verticalLabel(quantity, 17, (top + bottom) / 2);
        graphics.setStroke(new BasicStroke(0.75f));
        x.ticks().forEach(tick -> canvas.xTick(x.label(tick), xOf(x.value(tick)), top, bottom));
        y.ticks().forEach(tick -> canvas.yTick(y.label(tick), yOf(y.value(tick)), left, RIGHT));
        graphics.setStroke(new BasicStroke(1));
        graphics.setColor(Canvas.FRAME);
        graphics.draw(new Rectangle2D.Double(left, top, RIGHT - left, bottom - top));
    }

    /** @param first epoch of the first value */
    private void draw(Line line, List<Double> values, double first, int markSize) {
        graphics.setColor(line.colour);
        graphics.setStroke(line.stroke);
        for (int i = 0; i < values.size(); i++) {
            if (isPlottable(values.get(i))) {
                double x = xOf(first + i);
                double y = yOf(values.get(i));
                if (i > 0 && isPlottable(values.get(i - 1))) {
                    graphics.draw(new Line2D.Double(xOf(first + i - 1), yOf(values.get(i - 1)), x, y));
                }
                line.drawMark(graphics, x, y, markSize);
            }
        }
    }

    /** What a line stands for, beside a piece of it. */
    private void drawKey(String text, double x, Line line) {
        double y = HEIGHT - LEGEND_HEIGHT / 2.0;
        graphics.setColor(line.colour);
        graphics.setStroke(line.stroke);
        graphics.draw(new Line2D.Double(x, y, x + 20, y));
        line.drawMark(graphics, x + 10, y, MARK_SIZE);
        canvas.text(text, x + 24, y + 3);
    }

    private double xOf(double epoch) {
        return x.position(epoch, left, RIGHT);
    }

    private double yOf(double value) {
        return y.position(value, bottom, top);
    }

    private static Axis axisFor(Stream<Double> values) {
        DoubleSummaryStatistics range = values.filter(LineChart::isPlottable)
                .mapToDouble(Double::doubleValue)
                .summaryStatistics();
        double low = range.getMin();
        double high = range.getMax();
        double size = Math.max(Math.abs(low), Math.abs(high));
        if (range.getCount() == 0) {
            return Axis.of(0, 1, MAX_Y_TICKS, false);
        }
        if (size < 1 / LARGEST) {
            return Axis.of(-0.1, 0.1, MAX_Y_TICKS, false);
        }
        double room = high - low < LEVEL * size ? 0.1 * size : 0;
        return Axis.of(low - room, high + room, MAX_Y_TICKS, false);
    }

    private static boolean isPlottable(double value) {
        return Math.abs(value) < LARGEST;
    }

    /** Where the curve has gaps, in words; empty if it has none. */
    static String note(String quantity, List<Double> values) {
        int[] missing = IntStream.range(0, values.size())
                .filter(i -> !isPlottable(values.get(i)))
                .toArray();
        if (missing.length == 0) {
            return "";
        }
        String ranges = ranges(missing);
        String where = ranges.length() > LONGEST_LIST
                ? missing.length + " of " + values.size() + " points"
                : (missing.length == 1 ? "epoch " : "epochs ") + ranges;
        return quantity + " not finite: " + where;
    }

    /** For example {@code 2, 5–9, 12}. */
    private static String ranges(int[] ascending) {
        List<String> ranges = new ArrayList<>();
        for (int i = 0; i < ascending.length; i++) {
            int first = ascending[i];
            while (i + 1 < ascending.length && ascending[i + 1] == ascending[i] + 1) {
                i++;
            }
            ranges.add(first == ascending[i] ? "" + first : first + "–" + ascending[i]);
        }
        return String.join(", ", ranges);
    }
}
