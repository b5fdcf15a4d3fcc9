package io.github.mnistlibtorch.torch.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler.TextAlignment;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.Marker;

/** One quantity against the number of epochs, as the validation has it and as the training has, in the style of the plots. */
final class LineChart {
    /** Lengths are in points, 72 to the inch, as in matplotlib. */
    private static final int WIDTH = 8 * 72;

    private static final int HEIGHT = 5 * 72;
    private static final float LINE_WIDTH = 1.5f;
    private static final float THIN = 0.75f;
    private static final int MARK_SIZE = 6;
    private static final int TITLE_HEIGHT = 22;
    private static final int NOTE_HEIGHT = 14;
    private static final int LEGEND_HEIGHT = 14;

    private static final BasicStroke LINE = new BasicStroke(LINE_WIDTH, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
    private static final BasicStroke THIN_LINE = new BasicStroke(THIN, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);

    private static final Color BORDER = new Color(0x8C, 0x8C, 0x8C);
    private static final Color GRID = new Color(0xE0, 0xE0, 0xE0);

    /** What is left for the plot itself beside labels and title, roughly: it only guides the choice of ticks. */
    private static final int PLOT_WIDTH = 500;

    private static final int PLOT_HEIGHT = 275;
    private static final int MAX_X_TICKS = 12;
    private static final int MAX_Y_TICKS = 7;

    /** Beyond this a loss says no more than infinity does, and differences could overflow. */
    private static final double LARGEST = 1e300;

    /** A curve that varies less than this, relative to its size, is drawn level. */
    private static final double LEVEL = 1e-6;

    private static final int LONGEST_LIST = 60;

    private LineChart() {}

    /** @param training a value for each epoch; none draws no second line */
    static void write(Path png, String quantity, List<Double> values, List<Double> training) throws IOException {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("nothing to plot: the history is empty");
        }
        XYChart chart = chart(quantity, values, training);
        String title =
                quantity.substring(0, 1).toUpperCase(Locale.ROOT) + quantity.substring(1) + " vs. number of epochs";
        String note = note(quantity, values);
        int header = note.isEmpty() ? TITLE_HEIGHT : TITLE_HEIGHT + NOTE_HEIGHT;
        boolean two = training.stream().anyMatch(LineChart::isPlottable);
        Canvas.write(png, WIDTH, HEIGHT, graphics -> {
            graphics.translate(0, header);
            chart.paint(graphics, WIDTH, HEIGHT - header - (two ? LEGEND_HEIGHT : 0));
            graphics.translate(0, -header);
            // XChart has one line for a title and measures it with other metrics than it is drawn with.
            double middle = middle(chart);
            Canvas.centred(graphics, title, Canvas.TITLE_FONT, Canvas.INK, middle, TITLE_HEIGHT);
            if (!note.isEmpty()) {
                Canvas.centred(graphics, note, Canvas.TICK_FONT, Canvas.INK, middle, header);
            }
            if (two) {
                legend(graphics, middle, HEIGHT - LEGEND_HEIGHT / 2.0);
            }
        });
    }

    /** XChart's own has its words at different heights. */
    private static void legend(Graphics2D graphics, double middle, double y) {
        key(graphics, "validation", middle - 64, y, Canvas.BLUE, LINE, new Cross());
        key(graphics, "training", middle + 16, y, Canvas.VERMILION, THIN_LINE, new Dot());
    }

    private static void key(
            Graphics2D graphics, String text, double x, double y, Color color, BasicStroke line, Marker marker) {
        graphics.setColor(color);
        graphics.setStroke(line);
        graphics.draw(new Line2D.Double(x - 20, y, x, y));
        marker.paint(graphics, x - 10, y, MARK_SIZE);
        Canvas.text(graphics, text, Canvas.TICK_FONT, Canvas.INK, x + 4, y + 3);
    }

    /** Of the plot, which has been painted. */
    private static double middle(XYChart chart) {
        XYStyler styler = chart.getStyler();
        return (chart.getScreenXFromChart(styler.getXAxisMin()) + chart.getScreenXFromChart(styler.getXAxisMax())) / 2;
    }

    private static XYChart chart(String quantity, List<Double> values, List<Double> training) {
        // At least one epoch wide, so that a lone point stands at its epoch and not on an axis without length.
        int lastEpoch = Math.max(1, values.size() - 1);
        Axis x = Axis.of(0, lastEpoch, MAX_X_TICKS, true);
        Axis y = axisFor(Stream.concat(values.stream(), training.stream()).toList());

        XYChart chart = new XYChart(WIDTH, HEIGHT);
        chart.setXAxisTitle("epoch");
        chart.setYAxisTitle(quantity);
        XYStyler styler = chart.getStyler();
        style(styler);
        styler.setXAxisMin(x.toTicks(x.min()));
        styler.setXAxisMax(x.toTicks(x.max()));
        styler.setYAxisMin(y.toTicks(y.min()));
        styler.setYAxisMax(y.toTicks(y.max()));
        // Of the steps that XChart considers, 1 is then the nearest.
        styler.setXAxisTickMarkSpacingHint((int) (PLOT_WIDTH / x.lengthInTicks()));
        styler.setYAxisTickMarkSpacingHint((int) (PLOT_HEIGHT / y.lengthInTicks()));
        styler.setXAxisTickLabelsFormattingFunction(x::label);
        styler.setYAxisTickLabelsFormattingFunction(y::label);

        XYSeries series = add(chart, "validation", values, 0, x, y);
        series.setMarker(new Cross());
        if (training.stream().anyMatch(LineChart::isPlottable)) {
            // The mean over an epoch is that of its middle.
            XYSeries thin = add(chart, "training", training, 0.5, x, y);
            thin.setMarker(new Dot());
            thin.setMarkerColor(Canvas.VERMILION);
            thin.setLineColor(Canvas.VERMILION);
            thin.setLineStyle(THIN_LINE);
        }
        // Marks of a long history would run into each other.
        styler.setMarkerSize(Math.max(3, Math.min(MARK_SIZE, PLOT_WIDTH * 3 / 4 / lastEpoch)));
        return chart;
    }

    /** @param first epoch of the first value */
    private static XYSeries add(XYChart chart, String name, List<Double> values, double first, Axis x, Axis y) {
        double[] epochs = new double[values.size()];
        double[] heights = new double[values.size()];
        for (int i = 0; i < epochs.length; i++) {
            epochs[i] = x.toTicks(first + i);
            // XChart interrupts the line at NaN.
            heights[i] = isPlottable(values.get(i)) ? y.toTicks(values.get(i)) : Double.NaN;
        }
        return chart.addSeries(name, epochs, heights);
    }

    private static void style(XYStyler styler) {
        styler.setBaseFont(Canvas.LABEL_FONT);
        styler.setAxisTitleFont(Canvas.LABEL_FONT);
        styler.setAxisTickLabelsFont(Canvas.TICK_FONT);
        styler.setChartFontColor(Canvas.INK);
        styler.setAxisTickLabelsColor(Canvas.INK);
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setPlotBackgroundColor(Color.WHITE);
        styler.setPlotBorderColor(BORDER);
        styler.setPlotGridLinesColor(GRID);
        styler.setPlotGridLinesStroke(new BasicStroke(0.75f));
        // Beside wide labels XChart puts these a little away from the plot; border and grid do their work.
        styler.setAxisTicksLineVisible(false);
        styler.setAxisTicksMarksVisible(false);
        styler.setPlotMargin(0);
        // The axes already leave room for the marks at their ends.
        styler.setPlotContentSize(1);
        styler.setYAxisLabelAlignment(TextAlignment.Right);
        styler.setLegendVisible(false);
        styler.setSeriesColors(new Color[] {Canvas.BLUE});
        styler.setSeriesLines(new BasicStroke[] {LINE});
    }

    private static Axis axisFor(List<Double> values) {
        double[] plottable = values.stream()
                .filter(LineChart::isPlottable)
                .mapToDouble(Double::doubleValue)
                .toArray();
        if (plottable.length == 0) {
            return Axis.of(0, 1, MAX_Y_TICKS, false);
        }
        double low = plottable[0];
        double high = plottable[0];
        for (double value : plottable) {
            low = Math.min(low, value);
            high = Math.max(high, value);
        }
        double size = Math.max(Math.abs(low), Math.abs(high));
        if (size < 1 / LARGEST) {
            return Axis.of(-0.1, 0.1, MAX_Y_TICKS, false);
        }
        if (high - low < LEVEL * size) {
            return Axis.of(low - 0.1 * size, high + 0.1 * size, MAX_Y_TICKS, false);
        }
        return Axis.of(low, high, MAX_Y_TICKS, false);
    }

    private static boolean isPlottable(double value) {
        return Math.abs(value) < LARGEST;
    }

    /** Where the curve has gaps, in words; empty if it has none. */
    static String note(String quantity, List<Double> values) {
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            if (!isPlottable(values.get(i))) {
                missing.add(i);
            }
        }
        if (missing.isEmpty()) {
            return "";
        }
        String ranges = Ranges.of(missing);
        String where = ranges.length() > LONGEST_LIST
                ? missing.size() + " of " + values.size() + " points"
                : (missing.size() == 1 ? "epoch " : "epochs ") + ranges;
        return quantity + " not finite: " + where;
    }

    /** Little more than the thin line, so that a lone point is seen. */
    private static final class Dot extends Marker {
        @Override
        public void paint(Graphics2D graphics, double x, double y, int size) {
            graphics.fill(new Ellipse2D.Double(x - 2 * THIN, y - 2 * THIN, 4 * THIN, 4 * THIN));
        }
    }

    /** The mark of {@code '-x'}; XChart's own is thinner than the line. */
    private static final class Cross extends Marker {
        @Override
        public void paint(Graphics2D graphics, double x, double y, int size) {
            double half = size / 2.0;
            graphics.setStroke(new BasicStroke(LINE_WIDTH));
            graphics.draw(new Line2D.Double(x - half, y - half, x + half, y + half));
            graphics.draw(new Line2D.Double(x - half, y + half, x + half, y - half));
        }
    }
}
