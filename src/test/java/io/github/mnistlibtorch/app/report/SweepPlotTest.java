package io.github.mnistlibtorch.app.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.report.SweepPlot.Row;
import io.github.mnistlibtorch.torch.plot.Canvas;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The comparison as a reader sees it: its pixels. */
class SweepPlotTest {
    @TempDir
    private Path folder;

    @Test
    void theBestRunIsAboveAndToTheLeft() throws IOException {
        BufferedImage image =
                draw(List.of("schedule"), List.of(row("1@0.1", 0.5), row("1@0.5", 0.95), row("1@1", 0.8)));
        List<int[]> dots = dots(image);

        assertThat(dots).hasSize(3);
        assertThat(dots).extracting(dot -> dot[0]).isSorted();
        assertThat(dots).extracting(dot -> dot[1]).isSorted();
    }

    @Test
    void nothingIsClippedWhateverTheAccuracies() throws IOException {
        for (double accuracy : new double[] {0, 0.1, 0.9, 0.99999, 1}) {
            BufferedImage image = draw(
                    List.of(),
                    List.of(row("", accuracy)).stream()
                            .map(row -> new Row(List.of(), row.accuracies(), ""))
                            .toList());
            List<int[]> dots = dots(image);
            assertThat(dots).as("%s", accuracy).hasSize(1);
            assertThat(dots.get(0)[0]).isBetween(20, image.getWidth() - 160);
        }
    }

    @Test
    void aRunThatDivergedIsTheLastAndSaysSo() throws IOException {
        BufferedImage image = draw(
                List.of("schedule"), List.of(new Row(List.of("1@1e30"), List.of(), "diverged"), row("1@0.5", 0.1)));
        int[] words = first(image, Canvas.VERMILION);
        assertThat(dots(image)).hasSize(1);
        assertThat(words[1]).isGreaterThan(dots(image).get(0)[1]);
    }

    /** Between the columns and the result no ink but that of the dots, their grid and their words below. */
    @Test
    void longValuesAreCutAndThePictureGrows() throws IOException {
        String value = String.join(",", Collections.nCopies(40, "10@0.125"));
        List<String> options = List.of("schedule", "hidden-size", "batch-size");
        List<Row> rows = List.of(
                new Row(List.of(value, value, value), List.of(List.of(0.1)), ""),
                new Row(List.of("b", "b", "b"), List.of(List.of(0.9)), ""));
        BufferedImage image = draw(options, rows);
        assertThat(image.getWidth()).isGreaterThan(2 * 9 * 72);
        List<int[]> dots = dots(image);
        assertThat(dots).hasSize(2);
        int row = dots.get(1)[1] + 6;
        assertThat(IntStream.range(dots.get(0)[0] - 30, image.getWidth() - 160)
                        .filter(x -> Color.BLACK.getRGB() == image.getRGB(x, row)
                                || Canvas.INK.getRGB() == image.getRGB(x, row)))
                .isEmpty();
    }

    private static Row row(String value, double accuracy) {
        return new Row(List.of(value), List.of(List.of(accuracy)), "");
    }

    private BufferedImage draw(List<String> options, List<Row> rows) throws IOException {
        Path png = folder.resolve("sweep.png");
        SweepPlot.write(png, options, rows);
        return ImageIO.read(png.toFile());
    }

    /** Middle of each dot, from above: rows of one picture that hold the colour of the dots follow each other. */
    private static List<int[]> dots(BufferedImage image) {
        return IntStream.range(1, image.getHeight())
                .filter(y -> !has(image, y - 1) && has(image, y))
                .mapToObj(y -> new int[] {
                    IntStream.range(0, image.getWidth())
                            .filter(x -> isDot(image, x, y))
                            .findFirst()
                            .orElseThrow(),
                    y
                })
                .toList();
    }

    private static boolean has(BufferedImage image, int y) {
        return IntStream.range(0, image.getWidth()).anyMatch(x -> isDot(image, x, y));
    }

    private static boolean isDot(BufferedImage image, int x, int y) {
        return image.getRGB(x, y) == Canvas.BLUE.getRGB();
    }

    private static int[] first(BufferedImage image, Color color) {
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                if (image.getRGB(x, y) == color.getRGB()) {
                    return new int[] {x, y};
                }
            }
        }
        throw new AssertionError("no " + color);
    }
}
