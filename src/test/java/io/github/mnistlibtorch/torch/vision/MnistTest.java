package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.vision.Mnist.Split;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

@ExtendWith(LibTorchExtension.class)
class MnistTest {
    private static final JsonNode FOLDERS = VisionValues.recorded("folders");

    @TempDir
    private Path root;

    /** The sums that the source of the data is known by. */
    @ParameterizedTest
    @CsvSource({
        "train-images-idx3-ubyte,ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte,65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte,0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte,ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    })
    void bundledFileIsTheOriginal(String name, String sha256) throws IOException {
        try (InputStream packed = MnistTest.class.getResourceAsStream("/mnist/" + name + ".gz")) {
            assertThat(packed).isNotNull();
            assertThat(VisionValues.sha256(new GZIPInputStream(packed).readAllBytes()))
                    .isEqualTo(sha256);
        }
    }

    @ParameterizedTest
    @EnumSource
    void bundledSetIsTorchvisions(Split split) {
        JsonNode recorded = VisionValues.recorded("mnist").get(split == Split.TRAIN ? "train" : "test");
        Mnist mnist = Mnist.bundled(split);
        assertThat(mnist.size()).isEqualTo(recorded.get("size").asInt());
        long[] counts = new long[10];
        for (int i = 0; i < mnist.size(); i++) {
            counts[mnist.label(i)]++;
        }
        assertThat(counts)
                .containsExactly(recorded.get("label_counts")
                        .valueStream()
                        .mapToLong(JsonNode::asLong)
                        .toArray());
        int[] indices =
                recorded.get("indices").valueStream().mapToInt(JsonNode::asInt).toArray();
        for (int i = 0; i < indices.length; i++) {
            try (TensorScope scope = TensorScope.open()) {
                LabeledImage example = mnist.get(indices[i]);
                assertThat(example.label())
                        .isEqualTo(recorded.get("labels").get(i).asLong());
                assertThat(VisionValues.shape(example.image()))
                        .isEqualTo(VisionValues.longs(recorded.get("item_shape")));
                assertThat(VisionValues.sha256(example.image()))
                        .isEqualTo(recorded.get("item_sha256_f32le").get(i).asString());
            }
        }
        try (Batch batch = Batch.of(mnist, indices)) {
            assertThat(VisionValues.shape(batch.images())).isEqualTo(VisionValues.longs(recorded.get("batch_shape")));
            assertThat(VisionValues.dtype(batch.images()))
                    .isEqualTo(recorded.get("batch_dtype").asString());
            assertThat(VisionValues.sha256(batch.images()))
                    .isEqualTo(recorded.get("batch_sha256_f32le").asString());
            assertThat(VisionValues.values(batch.labels())).isEqualTo(VisionValues.doubles(recorded.get("labels")));
        }
    }

    @ParameterizedTest
    @EnumSource
    void pixelsOfTheBundledSetSumUpToTorchvisions(Split split) {
        Mnist mnist = Mnist.bundled(split);
        long sum = 0;
        for (int first = 0; first < mnist.size(); first += 1_000) {
            int[] indices = IntStream.range(first, first + 1_000).toArray();
            try (TensorScope scope = TensorScope.open()) {
                Tensor images = Batch.of(mnist, indices).images();
                // Back to grey values, which a double adds up exactly.
                sum += (long) images.to(ScalarType.Double)
                        .mul(new Scalar(255.0))
                        .round()
                        .sum()
                        .item_double();
            }
        }
        assertThat(sum)
                .isEqualTo(VisionValues.recorded("mnist")
                        .get(split == Split.TRAIN ? "train" : "test")
                        .get("pixel_sum")
                        .asLong());
    }

    @Test
    void batchHasTheBitsOfItsItems() {
        Mnist mnist = Mnist.bundled(Split.TEST);
        int[] indices = {9_999, 0, 42, 42, 4_711};
        try (TensorScope scope = TensorScope.open()) {
            Batch batch = Batch.of(mnist, indices);
            assertThat(VisionValues.shape(batch.images())).containsExactly(5L, 1L, 28L, 28L);
            for (int i = 0; i < indices.length; i++) {
                LabeledImage item = mnist.get(indices[i]);
                assertThat(VisionValues.sha256(batch.images().select(0, i)))
                        .isEqualTo(VisionValues.sha256(item.image()));
                assertThat(batch.labels().data_ptr_long().get(i))
                        .isEqualTo(item.label())
                        .isEqualTo(mnist.label(indices[i]));
            }
        }
    }

    @Test
    void noIndicesGiveNoItems() {
        assertThat(Mnist.of(new byte[4], 2, 2, new byte[1]).getItems(new int[0]))
                .isEmpty();
    }

    @Test
    void classesAreTorchvisions() {
        assertThat(Mnist.bundled(Split.TEST).classes())
                .isEqualTo(VisionValues.recorded("mnist")
                        .get("classes")
                        .valueStream()
                        .map(JsonNode::asString)
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"MNIST/raw", "raw", ""})
    void setIsFoundInEachLayoutRawAndPacked(String layout) throws IOException {
        Path folder = Files.createDirectories(root.resolve(layout));
        writeSet(folder);
        compareWithRecorded();
        for (String name : names()) {
            Path raw = folder.resolve(name);
            Files.write(folder.resolve(name + ".gz"), IdxReaderTest.gzip(Files.readAllBytes(raw)));
            Files.delete(raw);
        }
        compareWithRecorded();
    }

    @Test
    void rawFileIsPreferredToItsArchive() throws IOException {
        writeSet(root);
        Files.writeString(root.resolve("train-images-idx3-ubyte.gz"), "not an archive");
        compareWithRecorded();
    }

    @Test
    void torchvisionsLayoutIsSearchedFirst() throws IOException {
        for (String layout : List.of("MNIST/raw", "raw", "")) {
            writeSet(Files.createDirectories(root.resolve(layout)));
        }
        for (String labels : List.of("raw", "")) {
            Files.writeString(root.resolve(labels).resolve("train-labels-idx1-ubyte"), "of another set");
        }
        compareWithRecorded();
        Files.delete(root.resolve("MNIST/raw/t10k-labels-idx1-ubyte"));
        assertThatThrownBy(() -> Mnist.load(root, Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(root.resolve("raw/train-labels-idx1-ubyte") + " is not an IDX file");
    }

    @ParameterizedTest
    @EnumSource
    void reprIsTorchvisions(Split split) throws IOException {
        JsonNode recorded = VisionValues.recorded("mnist").get(split == Split.TRAIN ? "train" : "test");
        String expected = recorded.get("repr").asString();
        assertThat(Mnist.bundled(split)).hasToString(expected.replace("ROOT", "bundled"));
        writeSet(Files.createDirectories(root.resolve("MNIST/raw")));
        Mnist loaded = Mnist.load(root, split);
        assertThat(loaded)
                .hasToString(expected.replace(recorded.get("size").asString(), Integer.toString(loaded.size()))
                        .replace("ROOT", root.toString()));
    }

    @Test
    void damagedFileIsNamed() throws IOException {
        writeSet(root);
        Path raw = root.resolve("train-images-idx3-ubyte");
        byte[] packed = IdxReaderTest.gzip(Files.readAllBytes(raw));
        Files.write(root.resolve("train-images-idx3-ubyte.gz"), Arrays.copyOf(packed, packed.length / 2));
        Files.delete(raw);
        assertThatThrownBy(() -> Mnist.load(root, Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessageContainingAll(raw + ".gz", "cut short")
                .message()
                .doesNotContain("\n");
        assertThat(Mnist.load(root, Split.TEST).size()).isEqualTo(1);
    }

    @Test
    void emptyFolderIsRefusedWithTheNamesOfAllFiles() {
        assertThat(FOLDERS.get("empty").has("raises")).isTrue();
        assertThatThrownBy(() -> Mnist.load(root, Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(root.toString())
                .hasMessageContainingAll(names().toArray(String[]::new));
    }

    @Test
    void trainingSetNeedsTheFilesOfTheTestSetToo() throws IOException {
        assertThat(FOLDERS.get("train without t10k-labels").has("raises")).isTrue();
        writeSet(root);
        Files.delete(root.resolve("t10k-labels-idx1-ubyte"));
        assertThatThrownBy(() -> Mnist.load(root, Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("lacks t10k-labels-idx1-ubyte (or the same");
    }

    @Test
    void imagesAndLabelsOfDifferentCountAreRefused() throws IOException {
        writeSet(root);
        Files.write(root.resolve("train-labels-idx1-ubyte"), HexFormat.of().parseHex("0000080100000003070205"));
        assertThatThrownBy(() -> Mnist.load(root, Split.TRAIN))
                .isInstanceOf(InputException.class)
                .hasMessageContainingAll("train-images-idx3-ubyte", "2 pictures", "3 labels");
    }

    /** As many classes as the largest label of either part asks for, and MNIST's if that is 9 or less. */
    @Test
    void labelsSayHowManyClassesThereAre() throws IOException {
        writeSet(root);
        assertThat(Mnist.load(root, Split.TRAIN).classes()).hasSize(10).contains("7 - seven");
        Files.write(root.resolve("train-labels-idx1-ubyte"), HexFormat.of().parseHex("0000080100000002070a"));
        Files.write(root.resolve("t10k-labels-idx1-ubyte"), HexFormat.of().parseHex("00000801000000010c"));
        for (Split split : Split.values()) {
            assertThat(Mnist.load(root, split).classes()).hasSize(13).endsWith("12");
        }
    }

    @Test
    void filesOfTheWrongKindAreRefused() throws IOException {
        for (JsonNode recorded : VisionValues.recorded("readers")) {
            byte[] content = HexFormat.of().parseHex(recorded.get("hex").asString());
            writeSet(root);
            Files.write(root.resolve("train-images-idx3-ubyte"), content);
            if (recorded.get("as_images").has("raises")) {
                assertThatThrownBy(() -> Mnist.load(root, Split.TRAIN))
                        .as(recorded.get("name").asString())
                        .isInstanceOf(InputException.class)
                        .hasMessageContaining("train-images-idx3-ubyte");
            } else {
                assertThat(Mnist.load(root, Split.TRAIN).rows()).isEqualTo(2);
            }
            writeSet(root);
            Files.write(root.resolve("train-labels-idx1-ubyte"), content);
            if (recorded.get("as_labels").has("raises")) {
                assertThatThrownBy(() -> Mnist.load(root, Split.TRAIN))
                        .as(recorded.get("name").asString())
                        .isInstanceOf(InputException.class)
                        .hasMessageContaining("train-labels-idx1-ubyte");
            } else {
                assertThat(Mnist.load(root, Split.TRAIN).label(0)).isEqualTo(3);
            }
        }
    }

    @Test
    void indexOutsideOfTheSetIsRefused() {
        Mnist mnist = Mnist.of(new byte[2 * 4], 2, 2, new byte[2]);
        assertThatThrownBy(() -> mnist.get(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> mnist.get(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> mnist.getItems(new int[] {0, 2})).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> mnist.getItems(new int[] {-1})).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> mnist.label(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> mnist.label(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void setFromMemoryIsACopyAndChecked() {
        byte[] labels = {3};
        Mnist mnist = Mnist.of(new byte[] {0, (byte) 255, 1, 2}, 2, 2, labels);
        labels[0] = 4;
        assertThat(mnist.label(0)).isEqualTo(3);
        assertThatThrownBy(() -> Mnist.of(new byte[5], 2, 2, new byte[1]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("5 bytes");
        assertThatThrownBy(() -> Mnist.of(new byte[4], 2, 2, new byte[] {11}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("label 11");
    }

    @Test
    void batchesLeaveNoPointerBehind() {
        Mnist mnist = Mnist.bundled(Split.TEST);
        int[] indices = {5, 17, 9_999};
        Batch.of(mnist, indices).close();
        long before = LeakCheck.settled();
        for (int i = 0; i < 1_000; i++) {
            Batch.of(mnist, indices).close();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void threadsMayFetchAtTheSameTime() throws Exception {
        Mnist mnist = Mnist.bundled(Split.TEST);
        int[] indices = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89};
        Callable<List<String>> fetch = () -> {
            List<String> hashes = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                try (Batch batch = Batch.of(mnist, indices)) {
                    hashes.add(VisionValues.sha256(batch.images()));
                }
            }
            return hashes;
        };
        String expected = fetch.call().get(0);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            for (Future<List<String>> hashes : threads.invokeAll(List.of(fetch, fetch, fetch, fetch))) {
                assertThat(hashes.get()).hasSize(50).containsOnly(expected);
            }
        } finally {
            threads.shutdown();
        }
    }

    private void compareWithRecorded() throws IOException {
        for (Split split : Split.values()) {
            JsonNode recorded = FOLDERS.get(split == Split.TRAIN ? "train" : "test");
            Mnist mnist = Mnist.load(root, split);
            assertThat(mnist.size()).isEqualTo(recorded.get("labels").size());
            for (int i = 0; i < mnist.size(); i++) {
                try (TensorScope scope = TensorScope.open()) {
                    Tensor image = mnist.get(i).image();
                    JsonNode expected = recorded.get("images").get(i);
                    assertThat(VisionValues.shape(image)).isEqualTo(VisionValues.longs(expected.get("shape")));
                    assertThat(VisionValues.values(image)).isEqualTo(VisionValues.doubles(expected.get("values")));
                    assertThat(mnist.label(i))
                            .isEqualTo(recorded.get("labels").get(i).asInt());
                }
            }
        }
    }

    private static List<String> names() {
        return FOLDERS.get("files").propertyStream().map(file -> file.getKey()).toList();
    }

    static void writeSet(Path folder) throws IOException {
        for (String name : names()) {
            Files.write(
                    folder.resolve(name),
                    HexFormat.of().parseHex(FOLDERS.get("files").get(name).asString()));
        }
    }
}
