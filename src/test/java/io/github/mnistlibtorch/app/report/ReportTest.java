package io.github.mnistlibtorch.app.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class ReportTest {
    private static Dataset<LabeledImage> pictures;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() throws IOException {
        pictures = new Subset<>(
                Mnist.bundled(Mnist.Split.TEST), IntStream.range(0, 200).toArray());
    }

    @Test
    void thePageNeedsNothingButItself() throws IOException {
        String page = write("java -jar x.jar train");

        assertThat(page).startsWith("<!DOCTYPE html>").contains("<html lang=\"en\">", "<title>", "<main>");
        assertThat(page).doesNotContain("http:", "https:", "<script", "<link", "url(", "@import");
        Matcher source = Pattern.compile("src=\"([^\"]{0,30})").matcher(page);
        assertThat(source.results().map(result -> result.group(1)))
                .hasSize(1 + 24)
                .allMatch(start -> start.startsWith("data:image/png;base64,"));
        assertThat(Pattern.compile("<img(?![^>]* alt=\"[^\"]+\")").matcher(page).find())
                .as("a picture without words for those who cannot see it")
                .isFalse();
    }

    @Test
    void everyNumberOfTheHistoryIsThere() throws IOException {
        assertThat(write("c"))
                .contains("<td class=\"number\">before</td><td class=\"number\"></td><td class=\"number\">2.3000</td>"
                        + "<td class=\"number\">0.1000</td>")
                .contains("<td class=\"number\">2</td><td class=\"number\">0.1</td><td class=\"number\">0.2500</td>"
                        + "<td class=\"number\">0.9500</td>")
                .contains("val_acc: 0.9500, val_loss: 0.2500");
    }

    /** The name of a folder may be anything. */
    @Test
    void whatPeopleNamedIsNotTakenForThePage() throws IOException {
        assertThat(write("train --out '<script>alert(\"&\")</script>' {{command}} $1"))
                .contains("train --out '&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;' {{command}} $1");
    }

    @Test
    void aReportLeavesNoPointerBehind() throws IOException {
        write("c");
        long before = LeakCheck.settled();
        write("c");
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void rightAnswersAreBlueAndWrongOnesVermilion() throws IOException {
        Predictions predictions =
                new Predictions(3, new int[] {0, 1, 2, 2}, new int[] {0, 1, 2, 1}, new double[] {0.9, 0.8, 0.7, 0.6});
        BufferedImage image = draw(png -> ConfusionMatrix.write(png, predictions, List.of("0", "1", "2"), true));

        assertThat(cell(image, 0, 0)).isEqualTo(Canvas.BLUE);
        assertThat(cell(image, 2, 1)).isEqualTo(Canvas.tint(Canvas.VERMILION, 0.8));
        assertThat(cell(image, 1, 0)).isEqualTo(Color.WHITE);
    }

    /** The corner of a cell, beside its number. */
    private static Color cell(BufferedImage image, int row, int column) {
        return new Color(image.getRGB(2 * (48 + 32 * column + 3), 2 * (36 + 32 * row + 3)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 8, 9, 40})
    void mistakesFillTheirRows(int count) throws IOException {
        int[] labels = new int[50];
        int[] answers = new int[50];
        for (int i = 0; i < count; i++) {
            answers[i] = 1;
        }
        Predictions predictions = new Predictions(10, labels, answers, new double[50]);
        BufferedImage image = draw(png -> MisclassifiedImages.write(png, pictures, predictions, ImageSpec.MNIST));

        int rows = Math.max(1, (Math.min(32, count) + 7) / 8);
        assertThat(image.getHeight()).isEqualTo(2 * (36 + rows * (56 + 14 + 12)));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 32, 65})
    void everyHiddenUnitUpToSixtyFourIsDrawn(int hidden) throws IOException {
        TorchRandom.manualSeed(1);
        try (MnistModel model = new MnistModel(784, hidden, 10)) {
            BufferedImage image = draw(png -> new HiddenUnits(model, ImageSpec.MNIST).write(png));
            assertThat(image.getHeight()).isEqualTo(2 * (36 + (Math.min(64, hidden) + 7) / 8 * (56 + 14 + 12)));
        }
    }

    private interface Drawing {
        void write(Path png) throws IOException;
    }

    private BufferedImage draw(Drawing drawing) throws IOException {
        Path png = folder.resolve("picture.png");
        drawing.write(png);
        return ImageIO.read(png.toFile());
    }

    private String write(String command) throws IOException {
        TorchRandom.manualSeed(1);
        Predictions predictions;
        try (MnistModel model = new MnistModel(784, 8, 10)) {
            predictions = Predictions.of(model, pictures);
        }
        Path confusion = folder.resolve("confusion.png");
        ConfusionMatrix.write(confusion, predictions, ImageSpec.MNIST.classes(), true);
        Map<String, String> configuration = new LinkedHashMap<>(Map.of("seed", "1"));
        Path html = folder.resolve("report.html");
        new Report(
                        configuration,
                        Map.of("java", "a JVM"),
                        List.of(new Phase(1, 0.5), new Phase(1, 0.1)),
                        List.of(new EpochResult(2.3, 0.1), new EpochResult(0.5, 0.9), new EpochResult(0.25, 0.95)),
                        pictures,
                        predictions,
                        ImageSpec.MNIST,
                        Map.of("Which digit is taken for which", confusion),
                        command)
                .write(html);
        return Files.readString(html);
    }
}
