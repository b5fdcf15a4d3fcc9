package io.github.mnistlibtorch.app.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.plot.Canvas;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

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
        assertThat(page).doesNotContain("http:", "https:", " src=", "<link", "url(", "@import", "fetch(", "{{");
    }

    /** Of CSP: an inline script runs if its SHA-256 is named. */
    @Test
    void noScriptRunsButItsOwn() throws Exception {
        String page = write("c");
        String script = page.substring(page.indexOf("<script>") + 8, page.lastIndexOf("</script>"));
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(script.getBytes(UTF_8));
        assertThat(page)
                .contains("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-"
                        + Base64.getEncoder().encodeToString(hash) + "'\"");
    }

    @Test
    void everyNumberOfTheHistoryIsThere() throws IOException {
        JsonNode data = data(write("c"));
        assertThat(data.get("valLoss").values().stream().map(JsonNode::asDouble))
                .containsExactly(2.3, 0.5, 0.25);
        assertThat(data.get("valAcc").values().stream().map(JsonNode::asDouble)).containsExactly(0.1, 0.9, 0.95);
        assertThat(data.get("trainLoss").get(0).asDouble()).isEqualTo(0.7);
        assertThat(data.get("trainLoss").get(1).asString())
                .as("JSON has no word for it")
                .isEqualTo("NaN");
        assertThat(data.get("lr").values().stream().map(JsonNode::asDouble)).containsExactly(0.5, 0.1);
    }

    /** Names of folders and of classes may be anything. */
    @Test
    void whatPeopleNamedIsNotTakenForThePage() throws IOException {
        String hostile = "</script><script>alert(\"&\")</script><!-- {{data}} $1 \u2028 \ud800";
        ImageSpec images = new ImageSpec(
                1,
                28,
                28,
                Stream.concat(Stream.of(hostile + " \u202e \u0007"), ImageSpec.numbered(9).stream())
                        .toList(),
                true,
                20,
                false);
        String page = write(hostile, images);
        assertThat(page.split("<script", -1)).as("its own two").hasSize(3);
        assertThat(page.split("</script", -1)).hasSize(3);
        assertThat(page).doesNotContain("<!--");
        assertThat(data(page).get("command").asString()).isEqualTo(hostile);
        assertThat(data(page).get("classes").get(0).asString())
                .isEqualTo("</script><script>alert(\"&\")</script><!-- {{data}} $1 ? ? ? ?");
    }

    /** A reader may look them up there. */
    @Test
    void theConceptsItNamesAreInTheGuide() throws IOException {
        String guide = Files.readString(Path.of("docs/tutorial.md"));
        List<String> concepts = Pattern.compile("docs/tutorial\\.md: ([\\w ,]+)<")
                .matcher(write("c"))
                .results()
                .flatMap(found -> Stream.of(found.group(1).split(", ")))
                .toList();
        assertThat(concepts)
                .contains("Loss", "Parameters")
                .allSatisfy(concept -> assertThat(guide).contains("\n## " + concept + "\n"));
    }

    @Test
    void theSameRunIsTheSamePage() throws IOException {
        assertThat(write("c")).isEqualTo(write("c"));
    }

    /** The PNG in the page, decoded by ImageIO, holds the pixels of the dataset. */
    @Test
    void theImagesAreThoseOfTheDataset() throws IOException {
        JsonNode data = data(write("c"));
        JsonNode sheet = data.get("sheet");
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(
                Base64.getDecoder().decode(sheet.get("png").asString())));
        int shown = 17;
        try (var expected =
                pictures.get(data.get("positions").get(shown).asInt()).image()) {
            float[] values = Tensors.toFloats(expected);
            int columns = sheet.get("columns").asInt();
            for (int i = 0; i < values.length; i++) {
                int x = shown % columns * 28 + i % 28;
                int y = shown / columns * 28 + i / 28;
                assertThat(image.getRaster().getSample(x, y, 0)).isEqualTo(Math.round(255 * values[i]));
            }
        }
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

    private static JsonNode data(String page) {
        String start = "<script type=\"application/json\" id=\"data\">";
        int begin = page.indexOf(start) + start.length();
        return JsonMapper.builder().build().readTree(page.substring(begin, page.indexOf("</script>", begin)));
    }

    private String write(String command) throws IOException {
        return write(command, ImageSpec.MNIST);
    }

    private String write(String command, ImageSpec images) throws IOException {
        TorchRandom.manualSeed(1);
        Predictions predictions;
        Details details;
        HiddenUnits units;
        try (MnistModel model = new MnistModel(784, 8, 10)) {
            predictions = Predictions.of(model, pictures);
            details = Details.of(model, pictures, predictions, Details.choose(predictions, 40, 24));
            units = new HiddenUnits(model, images);
        }
        Path html = folder.resolve("report.html");
        new Report(
                        Map.of("seed", "1"),
                        Map.of("java", "a JVM"),
                        Map.of("epochs", 2),
                        List.of(new Phase(1, 0.5), new Phase(1, 0.1)),
                        List.of(new EpochResult(2.3, 0.1), new EpochResult(0.5, 0.9), new EpochResult(0.25, 0.95)),
                        List.of(0.7, Double.NaN),
                        pictures,
                        predictions,
                        details,
                        units,
                        images,
                        command)
                .write(html);
        return Files.readString(html);
    }
}
