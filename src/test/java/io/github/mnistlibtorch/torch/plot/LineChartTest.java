package io.github.mnistlibtorch.torch.plot;

import static java.lang.Double.NEGATIVE_INFINITY;
import static java.lang.Double.NaN;
import static java.lang.Double.POSITIVE_INFINITY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.NamedNodeMap;
import org.w3c.dom.Node;

/** The two plots as a reader sees them: their pixels. */
class LineChartTest {
    /** The article's ten epochs, in round numbers. */
    private static final List<Double> LOSSES =
            List.of(2.31, 0.23, 0.19, 0.16, 0.14, 0.14, 0.12, 0.12, 0.12, 0.12, 0.12);

    private static final int WIDTH = 1152;
    private static final int HEIGHT = 720;

    /** Half a mark, 3 points, and the width of its stroke. */
    private static final int HALF_MARK = 8;

    /** The line alone is 1.5 points thick. */
    private static final int LINE = 3;

    @TempDir
    Path folder;

    @Test
    void plotIsEightByFiveInchesAt144DotsPerInch() throws IOException {
        Path png = folder.resolve("loss.png");
        LossPlot.write(png, LOSSES);

        assertThat(ImageIO.read(png.toFile()).getWidth()).isEqualTo(8 * 144);
        assertThat(ImageIO.read(png.toFile()).getHeight()).isEqualTo(5 * 144);
        NamedNodeMap physical = physicalSize(png);
        // 144 dots per inch of 0.0254 m.
        assertThat(physical.getNamedItem("pixelsPerUnitXAxis").getNodeValue()).isEqualTo("5669");
        assertThat(physical.getNamedItem("pixelsPerUnitYAxis").getNodeValue()).isEqualTo("5669");
        assertThat(physical.getNamedItem("unitSpecifier").getNodeValue()).isEqualTo("meter");
    }

    @Test
    void folderHoldsThePlotsAndNothingElse() throws IOException {
        LossPlot.write(folder.resolve("loss.png"), LOSSES);
        AccuracyPlot.write(folder.resolve("accuracy.png"), List.of(0.1, 0.93, 0.95));

        assertThat(folder.toFile().list()).containsExactlyInAnyOrder("loss.png", "accuracy.png");
    }

    @Test
    void groundIsWhiteToTheEdges() throws IOException {
        BufferedImage image = loss(LOSSES);

        for (int x = 0; x < WIDTH; x++) {
            assertThat(image.getRGB(x, 0)).isEqualTo(0xFFFFFFFF);
            assertThat(image.getRGB(x, HEIGHT - 1)).isEqualTo(0xFFFFFFFF);
        }
    }

    @Test
    void everyEpochIsMarkedAtItsPlace() throws IOException {
        // A level line: whatever is higher than the line is a mark.
        BufferedImage image = loss(Collections.nCopies(11, 0.5));
        int[] heights = heightsOfColumns(image);
        int first = firstColumn(heights) + HALF_MARK;
        int last = lastColumn(heights) - HALF_MARK;

        for (int epoch = 0; epoch <= 10; epoch++) {
            int mark = first + epoch * (last - first) / 10;
            assertThat(highest(heights, mark - HALF_MARK, mark + HALF_MARK))
                    .as("mark of epoch %d", epoch)
                    .isBetween(10, 2 * HALF_MARK);
            if (epoch < 10) {
                int between = mark + (last - first) / 20;
                assertThat(highest(heights, between - 10, between + 10))
                        .as("line after epoch %d", epoch)
                        .isBetween(1, LINE);
            }
        }
    }

    @Test
    void marksAtTheEndsAreNotClipped() throws IOException {
        // Lowest at the left end, highest at the right end: all four edges of the plot are met.
        BufferedImage image = loss(List.of(0.0, 0.0, 1.0, 1.0));
        int[] heights = heightsOfColumns(image);
        int first = firstColumn(heights);
        int last = lastColumn(heights);

        // A clipped cross would be narrower, and not as high at its outer as at its inner end.
        assertThat(highest(heights, first, first + 3)).isBetween(10, 2 * HALF_MARK);
        assertThat(highest(heights, last - 3, last)).isBetween(10, 2 * HALF_MARK);
        int[] widths = widthsOfRows(image);
        assertThat(rows(widths)).isEqualTo(rows(widthsOfRows(loss(List.of(1.0, 1.0, 0.0, 0.0)))));
        assertThat(firstColumn(heights)).isGreaterThan(80);
        assertThat(lastColumn(heights)).isLessThan(WIDTH - 40);
    }

    @Test
    void higherValuesAreDrawnHigher() throws IOException {
        BufferedImage falling = loss(List.of(2.0, 1.0));
        BufferedImage rising = accuracy(List.of(0.1, 0.9));

        assertThat(rowOf(falling, firstColumn(heightsOfColumns(falling))))
                .isLessThan(rowOf(falling, lastColumn(heightsOfColumns(falling))));
        assertThat(rowOf(rising, firstColumn(heightsOfColumns(rising))))
                .isGreaterThan(rowOf(rising, lastColumn(heightsOfColumns(rising))));
    }

    @Test
    void lossesThatAreNotFiniteLeaveAGapAndAreNamed() throws IOException {
        List<Double> blownUp = List.of(2.3, 2.3, 2.3, NaN, POSITIVE_INFINITY, NEGATIVE_INFINITY, 2.3, 2.3);
        int[] heights = heightsOfColumns(loss(blownUp));
        int first = firstColumn(heights) + HALF_MARK;
        int last = lastColumn(heights) - HALF_MARK;
        int epoch = (last - first) / 7;

        assertThat(highest(heights, first + 2 * epoch + HALF_MARK + 4, first + 6 * epoch - HALF_MARK - 4))
                .isZero();
        assertThat(highest(heights, first + 2 * epoch - HALF_MARK, first + 2 * epoch + HALF_MARK))
                .isGreaterThanOrEqualTo(10);
        assertThat(highest(heights, first + 6 * epoch, first + 7 * epoch)).isGreaterThanOrEqualTo(10);
        assertThat(LineChart.note("loss", blownUp)).isEqualTo("loss not finite: epochs 3–5");
    }

    @Test
    void noteNamesEpochsAsLongAsTheyFit() {
        assertThat(LineChart.note("loss", LOSSES)).isEmpty();
        assertThat(LineChart.note("loss", List.of(1.0, NaN))).isEqualTo("loss not finite: epoch 1");
        assertThat(LineChart.note("accuracy", List.of(NaN, 1.0, NaN, NaN, 1.0, NaN)))
                .isEqualTo("accuracy not finite: epochs 0, 2–3, 5");
        List<Double> everySecond =
                IntStream.range(0, 101).mapToObj(i -> i % 2 == 0 ? 1.0 : NaN).toList();
        assertThat(LineChart.note("loss", everySecond)).isEqualTo("loss not finite: 50 of 101 points");
    }

    @Test
    void noteStandsBetweenTitleAndPlot() throws IOException {
        // With the note the plot begins lower; the rows in between hold its letters.
        BufferedImage with = loss(List.of(2.3, NaN, 1.0));
        BufferedImage without = loss(List.of(2.3, 1.5, 1.0));

        assertThat(firstRow(with) - firstRow(without)).isBetween(15, 35);
        assertThat(inkIn(with, 54, 74)).isGreaterThan(100);
    }

    @Test
    void onePointIsOneMarkAtEpochZero() throws IOException {
        int[] heights = heightsOfColumns(loss(List.of(2.3)));

        assertThat(lastColumn(heights) - firstColumn(heights)).isBetween(10, 2 * HALF_MARK);
        assertThat(highest(heights, 0, WIDTH - 1)).isBetween(10, 2 * HALF_MARK);
        assertThat(lastColumn(heights)).isLessThan(WIDTH / 4);
    }

    @Test
    void hundredEpochsHaveATickAtEveryTenth() throws IOException {
        List<Double> losses = DoubleStream.iterate(2.3, loss -> loss * 0.97)
                .limit(101)
                .boxed()
                .toList();
        BufferedImage image = loss(losses);
        int[] heights = heightsOfColumns(image);

        // Under the curve only the grid is drawn.
        assertThat(runsOfInk(image, lastRow(image) + 6, firstColumn(heights) - 12, lastColumn(heights) + 12))
                .isEqualTo(11);
    }

    static Stream<List<Double>> difficultValues() {
        return Stream.of(
                List.of(2.3, 1e30, 3e37),
                List.of(-1e299, 1e299),
                List.of(1.7e308, 1.0),
                List.of(0.0, 0.0),
                List.of(Double.MIN_VALUE, 2000 * Double.MIN_VALUE),
                List.of(1e-12, 1e-9),
                List.of(0.97, Math.nextUp(0.97)),
                List.of(0.97, 0.970_001, 0.970_002),
                List.of(1e9, 1e9 + 1),
                List.of(-3.0, -2.0),
                IntStream.rangeClosed(0, 25).mapToObj(i -> (double) i).toList(),
                IntStream.range(0, 3000).mapToObj(i -> 1.0 / (i + 1)).toList());
    }

    @ParameterizedTest
    @MethodSource("difficultValues")
    void valuesOfEverySizeAreDrawnInsideThePlot(List<Double> values) throws IOException {
        BufferedImage image = loss(values);

        assertThat(firstRow(image)).isGreaterThan(45);
        assertThat(lastRow(image)).isLessThan(HEIGHT - 80);
        assertThat(IntStream.of(widthsOfRows(image)).sum()).isGreaterThan(30);
    }

    @Test
    void nothingFiniteIsAnEmptyPlotWithItsNote() throws IOException {
        BufferedImage image = loss(List.of(NaN, NaN, POSITIVE_INFINITY));

        assertThat(IntStream.of(widthsOfRows(image)).sum()).isZero();
        assertThat(inkIn(image, 54, 74)).isGreaterThan(100);
    }

    /** Level lines of four and three points, at different heights. */
    @Test
    void trainingIsAThinLineInAnotherColourBetweenTheEpochs() throws IOException {
        Path png = folder.resolve("plot.png");
        LossPlot.write(png, List.of(1.0, 1.0, 1.0, 1.0), List.of(0.5, 0.5, 0.5));
        BufferedImage image = ImageIO.read(png.toFile());
        int[] validation = heightsOfColumns(image, HEIGHT - 60, Canvas.BLUE.getRGB());
        int[] training = heightsOfColumns(image, HEIGHT - 60, Canvas.VERMILION.getRGB());

        int first = firstColumn(validation) + HALF_MARK;
        int epoch = (lastColumn(validation) - HALF_MARK - first) / 3;
        assertThat(firstColumn(training)).isCloseTo(first + epoch / 2, within(HALF_MARK));
        assertThat(lastColumn(training)).isCloseTo(first + 5 * epoch / 2, within(HALF_MARK));
        assertThat(highest(training, first + epoch - 10, first + epoch + 10)).isBetween(1, LINE - 1);
    }

    @Test
    void aTrainingLossThatIsNotKnownDrawsNothing() throws IOException {
        LossPlot.write(folder.resolve("without.png"), LOSSES);
        LossPlot.write(folder.resolve("unknown.png"), LOSSES, Collections.nCopies(10, NaN));

        assertThat(folder.resolve("unknown.png")).hasSameBinaryContentAs(folder.resolve("without.png"));
    }

    @Test
    void plotIsTheSameInEveryLocale() throws IOException {
        LossPlot.write(folder.resolve("here.png"), LOSSES);
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try {
            LossPlot.write(folder.resolve("there.png"), LOSSES);
        } finally {
            Locale.setDefault(before);
        }

        assertThat(folder.resolve("there.png")).hasSameBinaryContentAs(folder.resolve("here.png"));
    }

    @Test
    void emptyHistoryIsRefusedBeforeAFileIsMade() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LossPlot.write(folder.resolve("loss.png"), List.of()))
                .withMessage("nothing to plot: the history is empty");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void missingFolderIsReported() {
        assertThatThrownBy(() -> AccuracyPlot.write(folder.resolve("missing/accuracy.png"), List.of(0.1)))
                .isInstanceOf(NoSuchFileException.class);
    }

    private BufferedImage loss(List<Double> values) throws IOException {
        Path png = folder.resolve("plot.png");
        LossPlot.write(png, values);
        return ImageIO.read(Files.newInputStream(png));
    }

    private BufferedImage accuracy(List<Double> values) throws IOException {
        Path png = folder.resolve("plot.png");
        AccuracyPlot.write(png, values);
        return ImageIO.read(Files.newInputStream(png));
    }

    private static NamedNodeMap physicalSize(Path png) throws IOException {
        ImageReader reader = ImageIO.getImageReadersByFormatName("png").next();
        try (ImageInputStream stream = ImageIO.createImageInputStream(png.toFile())) {
            reader.setInput(stream);
            IIOMetadata metadata = reader.getImageMetadata(0);
            Node node =
                    metadata.getAsTree(metadata.getNativeMetadataFormatName()).getFirstChild();
            while (!node.getNodeName().equals("pHYs")) {
                node = node.getNextSibling();
            }
            return node.getAttributes();
        } finally {
            reader.dispose();
        }
    }

    /** From the first to the last pixel in the colour of the curve, per column; 0 where there is none. */
    private static int[] heightsOfColumns(BufferedImage image) {
        return IntStream.range(0, WIDTH)
                .map(x -> extent(IntStream.range(0, HEIGHT)
                        .filter(y -> isCurve(image, x, y))
                        .toArray()))
                .toArray();
    }

    /** Of the rows above {@code bottom}, in exactly this colour. */
    private static int[] heightsOfColumns(BufferedImage image, int bottom, int rgb) {
        return IntStream.range(0, WIDTH)
                .map(x -> extent(IntStream.range(0, bottom)
                        .filter(y -> image.getRGB(x, y) == rgb)
                        .toArray()))
                .toArray();
    }

    private static int[] widthsOfRows(BufferedImage image) {
        return IntStream.range(0, HEIGHT)
                .map(y -> extent(IntStream.range(0, WIDTH)
                        .filter(x -> isCurve(image, x, y))
                        .toArray()))
                .toArray();
    }

    private static int extent(int[] pixels) {
        return pixels.length == 0 ? 0 : pixels[pixels.length - 1] - pixels[0] + 1;
    }

    private static boolean isCurve(BufferedImage image, int x, int y) {
        return image.getRGB(x, y) == Canvas.BLUE.getRGB();
    }

    private static int firstColumn(int[] heights) {
        return IntStream.range(0, heights.length)
                .filter(x -> heights[x] > 0)
                .findFirst()
                .orElseThrow();
    }

    private static int lastColumn(int[] heights) {
        return IntStream.range(0, heights.length)
                .filter(x -> heights[x] > 0)
                .max()
                .orElseThrow();
    }

    private static int highest(int[] heights, int from, int to) {
        return IntStream.rangeClosed(from, to).map(x -> heights[x]).max().orElseThrow();
    }

    private static int rows(int[] widths) {
        return lastColumn(widths) - firstColumn(widths);
    }

    private static int firstRow(BufferedImage image) {
        return firstColumn(widthsOfRows(image));
    }

    private static int lastRow(BufferedImage image) {
        return lastColumn(widthsOfRows(image));
    }

    private static int rowOf(BufferedImage image, int column) {
        return IntStream.range(0, HEIGHT)
                .filter(y -> isCurve(image, column, y))
                .findFirst()
                .orElseThrow();
    }

    private static long inkIn(BufferedImage image, int fromRow, int toRow) {
        return IntStream.range(fromRow, toRow)
                .mapToLong(y -> IntStream.range(0, WIDTH)
                        .filter(x -> (image.getRGB(x, y) & 0xFF) < 0x80)
                        .count())
                .sum();
    }

    private static int runsOfInk(BufferedImage image, int row, int from, int to) {
        int runs = 0;
        for (int x = from; x <= to; x++) {
            if ((image.getRGB(x, row) & 0xFF) < 0xFF && (image.getRGB(x - 1, row) & 0xFF) == 0xFF) {
                runs++;
            }
        }
        return runs;
    }
}
