package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.torch.vision.Mnist.Split;
import java.awt.image.BufferedImage;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Sets of other sizes and classes, trained, evaluated and predicted; made of MNIST's digits. */
class OtherSetsIT {
    private static final int SIDE = 28;
    private static final List<Split> SPLITS = List.of(Split.TRAIN, Split.TEST);

    @TempDir
    private static Path folder;

    /** As EMNIST has letters: from label 1 on, rows for columns; and in colour, 32 × 32, a folder for each class. */
    @BeforeAll
    static void makeSets() throws IOException {
        for (Split split : SPLITS) {
            Mnist mnist = Mnist.bundled(split);
            int count = split == Split.TRAIN ? 6_000 : 1_000;
            String name = "emnist-letters-" + (split == Split.TRAIN ? "train" : "test");
            try (DataOutputStream images = open(name + "-images-idx3-ubyte");
                    DataOutputStream labels = open(name + "-labels-idx1-ubyte")) {
                for (int size : new int[] {0x803, count, SIDE, SIDE}) {
                    images.writeInt(size);
                }
                labels.writeInt(0x801);
                labels.writeInt(count);
                byte[] digit = new byte[SIDE * SIDE];
                for (int i = 0; i < count; i++) {
                    mnist.copyPixels(i, ByteBuffer.wrap(digit), 0);
                    for (int p = 0; p < digit.length; p++) {
                        images.write(digit[p % SIDE * SIDE + p / SIDE]);
                    }
                    labels.write(mnist.label(i) + 1);
                    if (i < 1_200) {
                        colour(digit, (split == Split.TRAIN ? "train" : "test") + "/digit " + mnist.label(i), i);
                    }
                }
            }
        }
    }

    private static DataOutputStream open(String file) throws IOException {
        Path sets = Files.createDirectories(folder.resolve("sets"));
        return new DataOutputStream(new java.io.BufferedOutputStream(Files.newOutputStream(sets.resolve(file))));
    }

    private static void colour(byte[] digit, String name, int i) throws IOException {
        BufferedImage image = new BufferedImage(32, 32, BufferedImage.TYPE_3BYTE_BGR);
        for (int p = 0; p < 32 * 32; p++) {
            int x = p % 32 - 2;
            int y = p / 32 - 2;
            int grey = x >= 0 && y >= 0 && x < SIDE && y < SIDE ? digit[y * SIDE + x] & 0xff : 0;
            image.setRGB(p % 32, p / 32, grey << 16 | (60 + grey / 2) << 8 | 255 - grey);
        }
        Path of = Files.createDirectories(folder.resolve("pictures").resolve(name));
        ImageIO.write(image, "png", of.resolve(i + ".png").toFile());
    }

    private static String run(String... arguments) {
        Program.Result result = Program.run(folder, arguments);
        assertThat(result.exitCode()).as("%s", result.err()).isZero();
        return String.join("\n", result.out()) + "\n";
    }

    @Test
    void lettersAreTrainedEvaluatedAndPredicted() throws IOException {
        String trained = run(
                "train", "--data", "sets/emnist-letters", "--optimizer=adam", "--schedule=8@0.003", "--out=letters");
        assertThat(trained)
                .startsWith("(5000, 1000)\n") // a sixth held out
                .contains("torch.Size([27, 32])");
        String evaluated = run("evaluate", "--data", "sets", "--model", "letters/model.pt", "--split=test");
        assertThat(accuracy(evaluated)).isGreaterThan(0.8);

        // Pictures are as people see them: upright, dark on light.
        Mnist test = Mnist.bundled(Split.TEST);
        List<String> arguments = new ArrayList<>(List.of("predict", "--json", "--model", "letters/checkpoint.pt"));
        for (int i = 0; i < 20; i++) {
            byte[] digit = new byte[SIDE * SIDE];
            test.copyPixels(i, ByteBuffer.wrap(digit), 0);
            BufferedImage image = new BufferedImage(10 * SIDE, 10 * SIDE, BufferedImage.TYPE_BYTE_GRAY);
            for (int p = 0; p < 100 * SIDE * SIDE; p++) {
                int grey = 255 - (digit[p / (10 * SIDE) / 10 * SIDE + p % (10 * SIDE) / 10] & 0xff);
                image.getRaster().setSample(p % (10 * SIDE), p / (10 * SIDE), 0, grey);
            }
            arguments.add("letter" + i + ".png");
            ImageIO.write(
                    image,
                    "png",
                    folder.resolve(arguments.get(arguments.size() - 1)).toFile());
        }
        JsonNode answers = JsonMapper.builder().build().readTree(run(arguments.toArray(String[]::new)));
        int right = 0;
        for (int i = 0; i < 20; i++) {
            JsonNode answer = answers.get(i);
            assertThat(answer.has("digit")).isFalse();
            assertThat(answer.get("probabilities").size()).isEqualTo(27);
            assertThat(answer.get("class").asString())
                    .isEqualTo(Character.toString('a' + answer.get("label").asInt() - 1));
            right += answer.get("label").asInt() == test.label(i) + 1 ? 1 : 0;
        }
        assertThat(right).isGreaterThanOrEqualTo(15);
    }

    @Test
    void picturesInColourAreTrainedResumedEvaluatedAndPredicted() throws IOException {
        run(
                "train",
                "--data",
                "pictures",
                "--model=cnn",
                "--optimizer=adam",
                "--schedule=4@0.003",
                "--batch-size=32",
                "--out=colours");
        run("train", "--resume", "colours/checkpoint.pt", "--schedule=4@0.003,1@0.001");
        String evaluated =
                run("evaluate", "--data", "pictures", "--model", "colours/model.safetensors", "--split=test");
        assertThat(accuracy(evaluated)).isGreaterThan(0.7);
        Path renamed = folder.resolve("pictures/test/nine");
        Files.move(folder.resolve("pictures/test/digit 9"), renamed);
        Program.Result others =
                Program.run(folder, "evaluate", "--data", "pictures", "--model", "colours/model.pt", "--split=test");
        others.assertRefused("colours/model.pt has other classes than these folders", "\"digit 0\"");
        Files.move(renamed, folder.resolve("pictures/test/digit 9"));
        String answer = run("predict", "--model", "colours/model.pt", "pictures/test/digit 7/0.png");
        assertThat(answer).matches("pictures/test/digit 7/0\\.png: digit 7 \\(\\d+\\.\\d %\\), then digit \\d .*\\n");
        assertThat(Files.readString(folder.resolve("colours/report.html")))
                .contains("\"areDigits\":false", "\"digit 3\"");
    }

    @Test
    void picturesAreResizedWhereAskedFor() {
        assertThat(run("train", "--data", "pictures", "--image-size=16", "--schedule=1@0.1", "--out=small"))
                .contains("images.shape: torch.Size([128, 3, 16, 16])", "torch.Size([32, 768])");
        // As the network takes them.
        run("evaluate", "--data", "pictures", "--model", "small/model.pt");
        run("train", "--resume", "small/checkpoint.pt", "--schedule=1@0.1,1@0.1");
        Program.Result other = Program.run(folder, "evaluate", "--model", "small/model.pt");
        assertThat(other.exitCode()).isEqualTo(2);
        assertThat(String.join("\n", other.err()))
                .contains("is a network for pictures of 3 x 16 x 16 pixels and 10 classes, but these are 1 x 28 x 28");
    }

    private static double accuracy(String evaluated) {
        return Double.parseDouble(evaluated.replaceAll("(?s).*'val_acc': ([0-9.e-]+)}.*", "$1"));
    }
}
