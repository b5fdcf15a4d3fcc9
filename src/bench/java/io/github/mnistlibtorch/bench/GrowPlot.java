package io.github.mnistlibtorch.bench;

import io.github.mnistlibtorch.bench.Grow.Parameter;
import io.github.mnistlibtorch.bench.Grow.Result;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler.TextAlignment;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws what {@link Grow} has measured: a column for each size, time per image above, memory below. */
final class GrowPlot {
    /** Lengths are in points, 72 to the inch; two pixels a point are 144 dpi. */
    private static final int WIDTH = 240;

    private static final int HEIGHT = 225;
    private static final int PIXELS_PER_POINT = 2;

    /** What is left for the plot itself, roughly. Below a height of 160, XChart would choose ticks by its own head. */
    private static final int PLOT_WIDTH = 172;

    private static final int PLOT_HEIGHT = 172;

    /** Blue and vermilion of Okabe and Ito's palette: colour-blind readers tell them apart. */
    private static final Color[] COLOURS = {new Color(0x00, 0x72, 0xB2), new Color(0xD5, 0x5E, 0x00)};

    private static final Color INK = new Color(0x26, 0x26, 0x26);
    private static final Color BORDER = new Color(0x8C, 0x8C, 0x8C);
    private static final Color GRID = new Color(0xE0, 0xE0, 0xE0);
    private static final Font LABEL_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 10);
    private static final Font TICK_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 9);

    private GrowPlot() {}

    /** Writes a PNG. */
    static void write(Path png, List<Result> results) throws IOException {
        List<Parameter> parameters =
                results.stream().map(Result::parameter).distinct().toList();
        BufferedImage image = new BufferedImage(
                parameters.size() * WIDTH * PIXELS_PER_POINT,
                2 * HEIGHT * PIXELS_PER_POINT,
                BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        graphics.scale(PIXELS_PER_POINT, PIXELS_PER_POINT);
        for (Parameter parameter : parameters) {
            List<Result> column = results.stream()
                    .filter(result -> result.parameter() == parameter)
                    .toList();
            XYChart time = chart(column, "µs per image", Result::microsecondsPerImage);
            time.getStyler().setLegendVisible(parameter.threads().size() > 1);
            time.paint(graphics, WIDTH, HEIGHT);
            graphics.translate(0, HEIGHT);
            chart(column, "peak memory, MB", Result::peakMegabytes).paint(graphics, WIDTH, HEIGHT);
            graphics.translate(WIDTH, -HEIGHT);
        }
        graphics.dispose();
        ImageIO.write(image, "png", png.toFile());
    }

    private static XYChart chart(List<Result> results, String quantity, ToDoubleFunction<Result> measured) {
        XYChart chart = new XYChart(WIDTH, HEIGHT);
        chart.setXAxisTitle(results.get(0).parameter().title());
        chart.setYAxisTitle(quantity);
        Scale x = across(results);
        Scale y = Scale.of(results.stream().mapToDouble(measured).toArray());
        style(chart.getStyler(), x, y);
        for (int number : results.stream().map(Result::threads).distinct().toList()) {
            List<Result> line = results.stream()
                    .filter(result -> result.threads() == number)
                    .toList();
            XYSeries series = chart.addSeries(
                    number == 1 ? "1 thread" : number + " threads",
                    line.stream()
                            .mapToDouble(result -> x.position(result.value()))
                            .toArray(),
                    line.stream()
                            .mapToDouble(result -> y.position(measured.applyAsDouble(result)))
                            .toArray());
            series.setMarker(number == 1 ? SeriesMarkers.CIRCLE : SeriesMarkers.SQUARE);
        }
        return chart;
    }

    private static Scale across(List<Result> results) {
        double[] values = results.stream().mapToDouble(Result::value).toArray();
        return switch (results.get(0).parameter().name()) {
            case "images" -> Scale.logarithmic(values[0], 10, values);
            case "workers" -> Scale.linear(2, values);
            default -> Scale.logarithmic(values[0], 4, values);
        };
    }

    private static void style(XYStyler styler, Scale x, Scale y) {
        styler.setBaseFont(LABEL_FONT);
        styler.setAxisTitleFont(LABEL_FONT);
        styler.setAxisTickLabelsFont(TICK_FONT);
        styler.setLegendFont(TICK_FONT);
        styler.setChartFontColor(INK);
        styler.setAxisTickLabelsColor(INK);
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setPlotBackgroundColor(Color.WHITE);
        styler.setPlotBorderColor(BORDER);
        styler.setPlotGridLinesColor(GRID);
        styler.setSeriesColors(COLOURS);
        styler.setYAxisLabelAlignment(TextAlignment.Right);
        styler.setMarkerSize(5);
        styler.setLegendVisible(false); // one for a column is enough
        styler.setLegendPosition(LegendPosition.InsideNW);
        styler.setLegendBorderColor(GRID);
        styler.setPlotGridLinesStroke(new BasicStroke(0.75f));
        styler.setAxisTicksLineVisible(false);
        styler.setAxisTicksMarksVisible(false);
        styler.setPlotMargin(0);
        styler.setPlotContentSize(1); // the scales leave room for the marks
        styler.setXAxisMin(x.min());
        styler.setXAxisMax(x.max());
        styler.setYAxisMin(y.min());
        styler.setYAxisMax(y.max());
        // Of the steps that XChart considers, one tick is then the nearest.
        styler.setXAxisTickMarkSpacingHint((int) (PLOT_WIDTH / x.length()));
        styler.setYAxisTickMarkSpacingHint((int) (PLOT_HEIGHT / y.length()));
        styler.setXAxisTickLabelsFormattingFunction(x::label);
        styler.setYAxisTickLabelsFormattingFunction(y::label);
    }
}
