package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.vision.Mnist.Split;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Sets of other forms than MNIST's, as torchvision reads them: recorded by {@code record_sets.py}. */
class SetsTest {
    private static final Path ROOT = Path.of("test-data/sets");
    private static final JsonNode EXPECTED =
            JsonMapper.builder().build().readTree(ROOT.resolve("expected.json").toFile());

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "emnist-letters, emnist-letters",
        "emnist-letters, EMNIST/raw/emnist-letters",
        "emnist-byclass, emnist-byclass",
        "emnist-balanced, EMNIST/emnist-balanced",
        "qmnist, qmnist",
        "qmnist, QMNIST/raw",
        "kmnist, KMNIST",
        "kmnist, KMNIST/raw",
        "kmnist, npz"
    })
    void setsOfMnistsFormAreTorchvisions(String set, String path) throws IOException {
        for (Split split : Split.values()) {
            JsonNode expected = EXPECTED.get(set + (split == Split.TRAIN ? " train" : " test"));
            Mnist mnist = Mnist.load(ROOT.resolve(path), split);
            requireSame(mnist, expected);
            assertThat(mnist.classes()).isEqualTo(texts(expected.get("classes")));
            assertThat(mnist.isTransposed()).isEqualTo(set.startsWith("emnist"));
            // torchvision's QMNIST calls the parts "train" and "test".
            assertThat(mnist.toString().replaceAll("Root location: .*", "Root location: ROOT"))
                    .isEqualToIgnoringCase(expected.get("repr").asString());
        }
    }

    @Test
    void setsInOneFolderAreNamed() {
        assertThatThrownBy(() -> Mnist.load(ROOT, Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(ROOT + " holds several sets; name one of " + ROOT.resolve("KMNIST") + ", "
                        + ROOT.resolve("qmnist") + ", " + ROOT.resolve("emnist-byclass"));
        assertThatThrownBy(() -> Mnist.load(ROOT.resolve("emnist-digits"), Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("does not exist");
    }

    @Test
    void arraysOfNumpyMayBeInColour() throws IOException {
        Mnist colours = Mnist.load(ROOT.resolve("colours.npz"), Split.TRAIN);
        requireSame(colours, EXPECTED.get("colours train"));
        // As many as the largest label asks for.
        assertThat(colours.classes()).hasSize(12).endsWith("10", "11");
        assertThat(Mnist.load(ROOT.resolve("colours.npz"), Split.TEST).size()).isEqualTo(2);
    }

    @Test
    void picturesAreThoseOfPillow() throws IOException {
        JsonNode expected = EXPECTED.get("pictures");
        ImageFolder pictures = ImageFolder.load(ROOT.resolve("pictures"));
        requireSame(pictures, expected);
        assertThat(pictures.classes()).containsExactly("ants", "bees");
        assertThat(pictures.toString().replaceAll("Root location: .*", "Root location: ROOT/pictures"))
                .isEqualTo(expected.get("repr").asString());
        for (String size : List.of("3 x 4", "14 x 30", "7 x 5", "50 x 2", "1 x 1")) {
            int[] sides =
                    Arrays.stream(size.split(" x ")).mapToInt(Integer::parseInt).toArray();
            JsonNode resized = EXPECTED.get("pictures " + size);
            ImageFolder ofSize = ImageFolder.load(ROOT.resolve("pictures"), sides[0], sides[1]);
            requireSame(ofSize, resized);
            assertThat(ofSize.toString().replaceAll("Root location: .*", "Root location: ROOT/pictures"))
                    .isEqualTo(resized.get("repr").asString());
        }
    }

    /** Item by item, and as a batch. */
    private static void requireSame(ImageDataset dataset, JsonNode expected) {
        int size = expected.get("labels").size();
        assertThat(dataset.size()).isEqualTo(size);
        int[] all = new int[size];
        for (int i = 0; i < size; i++) {
            all[i] = i;
            assertThat(dataset.label(i)).isEqualTo(expected.get("labels").get(i).asInt());
            try (TensorScope scope = TensorScope.open()) {
                LabeledImage item = dataset.get(i);
                assertThat(item.image().shape()).isEqualTo(longs(expected.get("shape")));
                assertThat(Tensors.toFloats(item.image()))
                        .as("item %d", i)
                        .isEqualTo(scaled(expected.get("pixels").get(i)));
            }
        }
        try (TensorScope scope = TensorScope.open()) {
            Batch batch = Batch.of(dataset, all);
            for (int i = 0; i < size; i++) {
                assertThat(Tensors.toFloats(batch.images().select(0, i)))
                        .isEqualTo(scaled(expected.get("pixels").get(i)));
            }
        }
    }

    private static float[] scaled(JsonNode pixels) {
        float[] values = new float[pixels.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = pixels.get(i).asInt() / 255f;
        }
        return values;
    }

    private static long[] longs(JsonNode numbers) {
        return numbers.valueStream().mapToLong(JsonNode::asLong).toArray();
    }

    private static List<String> texts(JsonNode texts) {
        return texts.valueStream().map(JsonNode::asString).toList();
    }

    @Test
    void picturesOfOneSetHaveOneSize() throws IOException {
        picture("a/first.png", 4, 4);
        picture("b/second.png", 5, 4);
        assertThatThrownBy(() -> ImageFolder.load(folder))
                .isInstanceOf(InputException.class)
                .hasMessage(folder.resolve("b/second.png") + " has 5 x 4 pixels, but " + folder.resolve("a/first.png")
                        + " has 4 x 4; choose one size for all, as --image-size does");
        assertThat(ImageFolder.load(folder, 4, 4).size()).isEqualTo(2);
    }

    /** Python raises FileNotFoundError for both. */
    @Test
    void foldersWithoutPicturesAreNamed() throws IOException {
        assertThatThrownBy(() -> ImageFolder.load(folder)).hasMessageContaining("there is no folder of pictures in");
        picture("a/first.png", 4, 4);
        // torchvision takes these for classes, and raises.
        Files.createDirectories(folder.resolve(".ipynb_checkpoints"));
        Files.createDirectories(folder.resolve("__MACOSX/a"));
        Files.writeString(folder.resolve("a/._first.png"), "of a Mac");
        assertThat(ImageFolder.load(folder).size()).isEqualTo(1);
        Files.createDirectories(folder.resolve("b/deeper"));
        assertThatThrownBy(() -> ImageFolder.load(folder))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith("the class " + folder.resolve("b") + " has no picture");
        Files.writeString(folder.resolve("b/broken.png"), "no picture");
        assertThatThrownBy(() -> ImageFolder.load(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(folder.resolve("b/broken.png").toString());
    }

    @Test
    void aSplitHasAFolder() throws IOException {
        picture("one/first.png", 2, 2);
        assertThat(ImageFolder.find(folder, Split.TRAIN)).contains(folder.resolve(""));
        assertThat(ImageFolder.find(folder, Split.TEST)).isEqualTo(Optional.empty());
        picture("Training/one/first.png", 2, 2); // as MNIST is often had
        picture("Testing/one/first.png", 2, 2);
        assertThat(ImageFolder.find(folder, Split.TRAIN)).contains(folder.resolve("Training"));
        assertThat(ImageFolder.find(folder, Split.TEST)).contains(folder.resolve("Testing"));
        Files.delete(folder.resolve("Testing/one/first.png"));
        picture("train/one/first.png", 2, 2);
        picture("val/one/first.png", 2, 2);
        assertThat(ImageFolder.find(folder, Split.TRAIN)).contains(folder.resolve("train"));
        assertThat(ImageFolder.find(folder, Split.TEST)).contains(folder.resolve("val"));
    }

    private void picture(String name, int width, int height) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        ImageIO.write(new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR), "png", file.toFile());
    }

    @Test
    void damagedArraysAreRefused() throws IOException {
        byte[] whole = Files.readAllBytes(ROOT.resolve("colours.npz"));
        Path damaged = folder.resolve("damaged.npz");
        long expected = Mnist.load(ROOT.resolve("colours.npz"), Split.TRAIN).crc32();
        for (int i = 0; i < whole.length; i++) {
            byte[] bytes = whole.clone();
            bytes[i] ^= (byte) 0x55;
            Files.write(damaged, bytes);
            try {
                // What is not of an array that is read, or says when it was written.
                assertThat(Mnist.load(damaged, Split.TRAIN).crc32()).isEqualTo(expected);
            } catch (InputException e) {
                assertThat(e).hasMessageContaining(damaged.toString());
            }
            Files.write(damaged, Arrays.copyOf(whole, i));
            assertThatThrownBy(() -> Mnist.load(damaged, Split.TRAIN)).isInstanceOf(InputException.class);
        }
    }

    @Test
    void picturesLeaveNoPointerBehind() throws IOException {
        Path root = ROOT.resolve("pictures");
        int[] indices = {0, 5};
        Batch.of(ImageFolder.load(root), indices).close();
        long before = LeakCheck.settled();
        for (int i = 0; i < 20; i++) {
            ImageFolder pictures = ImageFolder.load(root, 8, 8);
            Batch.of(pictures, indices).close();
            pictures.get(1).image().close();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void picturesAreTurnedAsPillowDoes(int exif) {
        JsonNode expected = EXPECTED.get("orientation " + exif);
        Pixels shown = new Pixels(new byte[] {0, 1, 2, 3, 4, 5}, 3, 2, 1).turned(new Orientation(exif));
        assertThat(shown.width()).isEqualTo(expected.get("width").asInt());
        byte[] pixels = new byte[6];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) expected.get("pixels").get(i).asInt();
        }
        assertThat(shown.samples()).isEqualTo(pixels);
    }

    /** As embeddings may lie beside pictures. */
    @Test
    void arraysOfAnotherKindAreNoSet() throws IOException {
        Files.copy(ROOT.resolve("npz/kmnist-train-labels.npz"), folder.resolve("embeddings.npz"));
        assertThat(Mnist.isIn(folder)).isFalse();
        Files.delete(folder.resolve("embeddings.npz"));
        Files.copy(ROOT.resolve("colours.npz"), folder.resolve("any name.npz"));
        assertThat(Mnist.isIn(folder)).isTrue();
    }
}
