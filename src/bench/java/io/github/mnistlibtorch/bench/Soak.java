package io.github.mnistlibtorch.bench;

import com.sun.management.UnixOperatingSystemMXBean;
import io.github.mnistlibtorch.app.run.CheckpointWriter;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Trains for many epochs, and looks after each at everything that must not grow. */
public final class Soak implements TrainingListener {
    private static final Path CSV = Path.of("target/bench/soak.csv");
    private static final Path PNG = Path.of("target/bench/soak.png");
    private static final double MEGABYTE = 1e6;
    private static final int WIDTH = 640;
    private static final int HEIGHT = 150;
    private static final int PIXELS_PER_POINT = 2;

    /** Positions from end to end: XChart puts its ticks at whole ones. */
    private static final int TENTHS = 10;

    private static final List<String> QUANTITIES =
            List.of("resident memory, MB", "heap in use, MB", "threads", "file descriptors", "live native objects");

    private final List<double[]> epochs = new ArrayList<>();

    /** @param arguments number of epochs */
    public static void main(String[] arguments) throws IOException {
        System.setProperty("java.awt.headless", "true");
        LibTorch.start();
        Soak soak = new Soak();
        Path out = Files.createTempDirectory("soak");
        try (Device device = Devices.getDefaultDevice()) {
            Mnist mnist = Mnist.bundled(Mnist.Split.TRAIN);
            RunConfig config = RunConfig.of(
                    Map.of(
                            "seed", "42",
                            "val-size", "10000",
                            "batch-size", "128",
                            "hidden-size", "32",
                            "dtype", "float32",
                            "optimizer", "sgd",
                            "schedule", arguments[0] + "@0.1"),
                    /* numWorkers= */ 4);
            new TrainingRun(config, mnist, device)
                    .saveTo(out)
                    .listeners(new CheckpointWriter(out.resolve("checkpoint.pt"), config, Map.of(), null), soak)
                    .run();
        }
        soak.report();
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        System.gc(); // what is in use otherwise says when the last collection was
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        UnixOperatingSystemMXBean system = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        epochs.add(new double[] {
            residentBytes() / MEGABYTE,
            heap.getUsed() / MEGABYTE,
            ManagementFactory.getThreadMXBean().getThreadCount(),
            system.getOpenFileDescriptorCount(),
            Pointer.totalCount()
        });
    }

    private static double residentBytes() {
        try {
            String line = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(candidate -> candidate.startsWith("VmRSS:"))
                    .findFirst()
                    .orElseThrow();
            return Double.parseDouble(line.replaceAll("\\D", "")) * 1024;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void report() throws IOException {
        Files.createDirectories(CSV.getParent());
        Files.write(
                CSV,
                epochs.stream()
                        .map(epoch -> DoubleStream.of(epoch)
                                .mapToObj(Double::toString)
                                .collect(Collectors.joining(",")))
                        .toList());
        System.out.println(
                "| after epoch | 2 | " + epochs.size() / 2 + " | " + epochs.size() + " | most | last / second |");
        System.out.println("|---|--:|--:|--:|--:|--:|");
        for (int i = 0; i < QUANTITIES.size(); i++) {
            double[] values = values(i);
            double last = values[values.length - 1];
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %.0f | %.0f | %.0f | %.0f | %.3f |%n",
                    QUANTITIES.get(i),
                    values[1],
                    values[values.length / 2 - 1],
                    last,
                    Arrays.stream(values).max().orElseThrow(),
                    last / values[1]);
        }
        draw();
        System.out.println("drawn in " + PNG);
    }

    private double[] values(int quantity) {
        return epochs.stream().mapToDouble(epoch -> epoch[quantity]).toArray();
    }

    private void draw() throws IOException {
        BufferedImage image = new BufferedImage(
                WIDTH * PIXELS_PER_POINT, QUANTITIES.size() * HEIGHT * PIXELS_PER_POINT, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.scale(PIXELS_PER_POINT, PIXELS_PER_POINT);
        for (int i = 0; i < QUANTITIES.size(); i++) {
            chart(i).paint(graphics, WIDTH, HEIGHT);
            graphics.translate(0, HEIGHT);
        }
        graphics.dispose();
        ImageIO.write(image, "png", PNG.toFile());
    }

    private XYChart chart(int quantity) {
        double[] y = values(quantity);
        double[] x = new double[y.length];
        Arrays.setAll(x, i -> TENTHS * (i + 1.0) / y.length);
        XYChart chart = new XYChart(WIDTH, HEIGHT);
        chart.setTitle(QUANTITIES.get(quantity));
        chart.getStyler().setChartTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
        chart.getStyler().setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 9));
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        chart.getStyler().setLegendVisible(false);
        chart.getStyler().setXAxisMin(-0.2); // unequal room at the two ends: XChart would take the points for ticks
        chart.getStyler().setXAxisMax(TENTHS + 0.3);
        chart.getStyler()
                .setxAxisTickLabelsFormattingFunction(tenth -> Long.toString(Math.round(tenth * y.length / TENTHS)));
        chart.getStyler().setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 9));
        chart.setXAxisTitle("epoch");
        chart.getStyler().setYAxisMin(0.0);
        chart.getStyler().setYAxisMax(1.15 * Arrays.stream(y).max().orElseThrow());
        chart.getStyler().setSeriesColors(new Color[] {new Color(0x00, 0x72, 0xB2)});
        chart.addSeries(QUANTITIES.get(quantity), x, y).setMarker(SeriesMarkers.NONE);
        return chart;
    }
}
