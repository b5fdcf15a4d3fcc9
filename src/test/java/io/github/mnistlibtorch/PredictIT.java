package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code predict} with pictures of digits that the network has not seen. */
@ExtendWith(LibTorchExtension.class)
class PredictIT {
    private static final int DIGITS = 100;

    @TempDir
    private static Path folder;

    private static Mnist mnist;

    @BeforeAll
    static void train() {
        mnist = Mnist.bundled(Mnist.Split.TEST);
        assertThat(Program.run(folder, "train", "--schedule=5@0.5").exitCode()).isZero();
    }

    @Test
    void picturesOfMnistHaveTheAnswersOfTheirTensors() throws IOException {
        List<String> files = new ArrayList<>();
        for (int i = 0; i < DIGITS; i++) {
            files.add("mnist" + i + ".png");
            ImageIO.write(image(i), "png", folder.resolve(files.get(i)).toFile());
        }
        JsonNode answers = answers(files);
        try (ImageClassificationBase model = MnistModels.load(folder.resolve("mnist-run/model.pt"))) {
            for (int i = 0; i < DIGITS; i++) {
                try (TensorScope scope = TensorScope.open()) {
                    Tensor outputs = model.forward(mnist.get(i).image().unsqueeze(0));
                    JsonNode answer = answers.get(i);
                    assertThat(answer.get("image").asString()).isEqualTo(files.get(i));
                    assertThat(answer.get("digit").asLong())
                            .isEqualTo(outputs.argmax().item_long());
                    Tensor probabilities = outputs.softmax(1);
                    for (int digit = 0; digit < 10; digit++) {
                        assertThat(answer.get("probabilities").get(digit).asDouble())
                                .isEqualTo(probabilities.get(0).get(digit).item_float());
                    }
                }
            }
        }
    }

    @Test
    void sizePlaceAndPolarityChangeFewAnswers() throws IOException {
        List<String> files = new ArrayList<>();
        for (int i = 0; i < DIGITS; i++) {
            BufferedImage paper = new BufferedImage(400, 300, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = paper.createGraphics();
            graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
            graphics.setColor(Color.BLACK);
            graphics.fillRect(0, 0, 400, 300);
            int size = 60 + i;
            graphics.drawImage(image(i), i, i / 2, size, size, null);
            graphics.dispose();
            for (int p = 0; p < 400 * 300; p++) {
                paper.setRGB(p % 400, p / 400, ~paper.getRGB(p % 400, p / 400));
            }
            String format = List.of("png", "jpg", "bmp", "gif").get(i % 4);
            files.add("drawn" + i + "." + format);
            ImageIO.write(paper, format, folder.resolve(files.get(i)).toFile());
        }
        JsonNode answers = answers(files);
        int right = 0;
        for (int i = 0; i < DIGITS; i++) {
            right += answers.get(i).get("digit").asLong() == mnist.label(i) ? 1 : 0;
        }
        assertThat(right).isGreaterThanOrEqualTo(90);
    }

    /** Grey paper, lit from one side and grainy, with ink that is not black. */
    @Test
    void photographsChangeFewAnswers() throws IOException {
        Random random = new Random(1);
        List<String> files = new ArrayList<>();
        for (int i = 0; i < DIGITS; i++) {
            int size = 120 + i;
            BufferedImage digit = new BufferedImage(400, 300, BufferedImage.TYPE_BYTE_GRAY);
            Graphics2D graphics = digit.createGraphics();
            graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
            graphics.drawImage(image(i), 20 + i, 10 + i / 2, size, size, null);
            graphics.dispose();
            BufferedImage photograph = new BufferedImage(400, 300, BufferedImage.TYPE_INT_RGB);
            double towardsX = random.nextDouble(-0.2, 0.2);
            double towardsY = random.nextDouble(-0.2, 0.2);
            for (int p = 0; p < 400 * 300; p++) {
                int x = p % 400;
                int y = p / 400;
                double ink = digit.getRaster().getSample(x, y, 0) / 255.0;
                double light = 1 + towardsX * (x / 200.0 - 1) + towardsY * (y / 150.0 - 1);
                double grey = (170 - 120 * ink) * light + 4 * random.nextGaussian();
                int rounded = (int) Math.max(0, Math.min(255, grey));
                photograph.setRGB(x, y, new Color(rounded, rounded, rounded).getRGB());
            }
            files.add("photograph" + i + ".jpg");
            ImageIO.write(photograph, "jpg", folder.resolve(files.get(i)).toFile());
        }
        JsonNode answers = answers(files);
        int right = 0;
        for (int i = 0; i < DIGITS; i++) {
            right += answers.get(i).get("digit").asLong() == mnist.label(i) ? 1 : 0;
        }
        System.out.println("of " + DIGITS + " photographs of digits, " + right + " are read rightly");
        assertThat(right).isGreaterThanOrEqualTo(90);
    }

    /** Printed digits are not what the network has learned: some are taken for others, but not most. */
    @Test
    void printedDigitsOfSeveralFontsAreReadMoreOftenThanNot() throws IOException {
        List<Font> fonts = new ArrayList<>();
        for (String name : List.of(Font.SANS_SERIF, Font.SERIF, Font.MONOSPACED)) {
            for (int style : new int[] {Font.PLAIN, Font.BOLD, Font.ITALIC}) {
                fonts.add(new Font(name, style, 90));
            }
        }
        List<String> files = new ArrayList<>();
        for (Font font : fonts) {
            for (int digit = 0; digit < 10; digit++) {
                BufferedImage paper = new BufferedImage(160, 160, BufferedImage.TYPE_INT_RGB);
                Graphics2D graphics = paper.createGraphics();
                graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
                graphics.setColor(Color.WHITE);
                graphics.fillRect(0, 0, 160, 160);
                graphics.setColor(Color.BLACK);
                graphics.setFont(font);
                graphics.drawString(Integer.toString(digit), 50, 115);
                graphics.dispose();
                files.add("printed" + files.size() + ".png");
                ImageIO.write(
                        paper,
                        "png",
                        folder.resolve(files.get(files.size() - 1)).toFile());
            }
        }
        JsonNode answers = answers(files);
        int right = 0;
        for (int i = 0; i < files.size(); i++) {
            right += answers.get(i).get("digit").asLong() == i % 10 ? 1 : 0;
        }
        System.out.println("of " + files.size() + " printed digits, " + right + " are read rightly");
        assertThat(right).isGreaterThan(files.size() / 2);
    }

    @Test
    void explainsWithWhatTheNetworkSaw() throws IOException {
        ImageIO.write(image(0), "png", folder.resolve("seen.png").toFile());
        Program.Result text = Program.run(folder, "predict", "--explain", "seen.png");
        assertThat(text.exitCode()).isZero();
        assertThat(text.out()).hasSize(2 + 14);
        assertThat(text.out().get(0)).startsWith("seen.png: 7 (");
        assertThat(text.out().get(1)).isEqualTo("  taken as it is: a digit lies in it as in MNIST's pictures");
        assertThat(text.out().subList(2, 16)).allMatch(line -> line.matches("[ .:=+*#%@-]{0,30}"));

        Program.Result json = Program.run(folder, "predict", "--explain", "--json", "seen.png");
        JsonNode seen = JsonMapper.builder()
                .build()
                .readTree(String.join("\n", json.out()))
                .get(0)
                .get("seen");
        float[] expected = new float[28 * 28];
        mnist.get(0).image().data_ptr_float().get(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat((float) seen.get(i / 28).get(i % 28).asDouble()).isEqualTo(expected[i]);
        }
    }

    @Test
    void severalDigitsAreReadFromLeftToRight() throws IOException {
        BufferedImage paper = new BufferedImage(700, 300, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = paper.createGraphics();
        for (int i = 0; i < 3; i++) {
            graphics.drawImage(image(i), 20 + 220 * i, 40, 200, 200, null);
        }
        graphics.dispose();
        ImageIO.write(paper, "png", folder.resolve("number.png").toFile());

        Program.Result one = Program.run(folder, "predict", "number.png");
        assertThat(one.out()).singleElement().asString().endsWith("; unsure: there are 3 digits, read them with --all");

        Program.Result all = Program.run(folder, "predict", "--all", "--explain", "number.png");
        assertThat(all.exitCode()).isZero();
        assertThat(all.out()).hasSize(3 * (1 + 3 + 14));
        assertThat(all.out().get(0)).startsWith("number.png, 1 of 3: 7 (").doesNotContain("unsure");
        assertThat(all.out().get(1)).matches("  paper: brightness 0.00, the ink is lighter; .*");
        assertThat(all.out().get(2)).matches("  ink: components: [3-9], digits: 3");
        assertThat(all.out().get(3)).matches("  digit: columns \\d+ to \\d+, rows \\d+ to \\d+");
        assertThat(all.out().get(18)).startsWith("number.png, 2 of 3: 2 (");
        assertThat(all.out().get(36)).startsWith("number.png, 3 of 3: 1 (");

        Program.Result json = Program.run(folder, "predict", "--json", "number.png");
        JsonNode answer = JsonMapper.builder()
                .build()
                .readTree(String.join("\n", json.out()))
                .get(0);
        assertThat(answer.get("unsure").asString()).isEqualTo("there are 3 digits");
        assertThat(answer.get("box").get("width").asInt()).isBetween(20, 160);
    }

    @Test
    void aLineForEachPictureAndASentenceForEachThatIsNone() throws IOException {
        ImageIO.write(image(0), "png", folder.resolve("a.png").toFile());
        ImageIO.write(image(1), "png", folder.resolve("b.png").toFile());
        Files.writeString(folder.resolve("text.png"), "a text");
        Program.Result run = Program.run(folder, "predict", "a.png", "text.png", "nowhere.png", "b.png");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.out()).hasSize(2);
        assertThat(run.out().get(0)).matches("a\\.png: 7 \\(\\d+\\.\\d %\\), then \\d \\(\\d+\\.\\d %\\)");
        assertThat(run.out().get(1)).startsWith("b.png: 2 (");
        assertThat(run.err())
                .containsExactly(
                        "mnist-libtorch: text.png is not a picture in PNG, JPEG, BMP or GIF; save it as one of these",
                        "mnist-libtorch: nowhere.png is not a file; name a picture");
    }

    @Test
    void checkpointsPredictAndOtherFilesAreRefused() throws IOException {
        ImageIO.write(image(0), "png", folder.resolve("c.png").toFile());
        Program.Result run = Program.run(folder, "predict", "--model=mnist-run/checkpoint.pt", "c.png");
        assertThat(run.out()).singleElement().asString().startsWith("c.png: 7 (");
        Program.run(folder, "predict", "--model=nowhere.pt", "c.png").assertRefused("nowhere.pt is not a file");
        Program.run(folder, "predict").assertRefused("Missing required parameter: 'IMAGE'");
    }

    private static JsonNode answers(List<String> files) {
        List<String> arguments = new ArrayList<>(List.of("predict", "--json"));
        arguments.addAll(files);
        Program.Result run = Program.run(folder, arguments.toArray(String[]::new));
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        JsonNode answers = JsonMapper.builder().build().readTree(String.join("\n", run.out()));
        assertThat(answers.size()).isEqualTo(files.size());
        return answers;
    }

    private static BufferedImage image(int index) {
        BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
        try (Tensor pixels = mnist.get(index).image()) {
            float[] values = new float[28 * 28];
            pixels.data_ptr_float().get(values);
            for (int p = 0; p < values.length; p++) {
                image.getRaster().setSample(p % 28, p / 28, 0, Math.round(255 * values[p]));
            }
        }
        return image;
    }
}
