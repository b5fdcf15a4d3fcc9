package io.github.mnistlibtorch.app.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.serialization.Safetensors;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.vision.ImageFolder;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.torch.vision.Mnist.Split;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.MnistCnn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class ImageSpecTest {
    private static final ImageSpec COLOURS =
            new ImageSpec(3, 32, 24, List.of("ants", "bees \"and\" \u00fc"), false, 0, false);

    @TempDir
    private Path folder;

    @Test
    void ofMnistIsKnown() {
        assertThat(ImageSpec.of(Mnist.bundled(Split.TRAIN))).isEqualTo(ImageSpec.MNIST);
        assertThat(ImageSpec.MNIST.toMetadata()).isEmpty();
        assertThat(ImageSpec.of(Mnist.bundled(Split.TEST)).inkSize())
                .as("LeCun: size normalized to fit in a 20x20 pixel box")
                .isEqualTo(20);
    }

    @Test
    void ofOtherSetsIsMeasured() throws IOException {
        Path sets = Path.of("test-data/sets");
        ImageSpec letters = ImageSpec.of(Mnist.load(sets.resolve("emnist-letters"), Split.TRAIN));
        assertThat(letters.isTransposed()).isTrue();
        assertThat(letters.classes()).hasSize(27);
        ImageSpec pictures = ImageSpec.of(ImageFolder.load(sets.resolve("pictures")));
        assertThat(pictures).isEqualTo(new ImageSpec(3, 7, 9, List.of("ants", "bees"), false, 0, false));
        byte[] full = new byte[28 * 28];
        for (int i = 0; i < full.length; i++) {
            full[i] = (byte) (i % 28 > 0 && i % 28 < 27 && i > 28 ? 200 : 0);
        }
        ImageSpec garments = ImageSpec.of(Mnist.of(full, 28, 28, new byte[1]));
        assertThat(garments.isOnBlack()).isTrue();
        assertThat(garments.inkSize()).as("not lines, but a square").isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"mlp", "cnn"})
    void isKeptBesideTheWeightsInBothFormats(String name) throws IOException {
        try (ImageClassificationBase model = MnistModels.create(name, List.of(5), COLOURS);
                TensorScope scope = TensorScope.open()) {
            Path pt = folder.resolve("model.pt");
            Path safetensors = folder.resolve("model.safetensors");
            PtFile.write(pt, StateDict.of(model), COLOURS.toMetadata());
            Safetensors.write(safetensors, StateDict.of(model), COLOURS.toMetadata());
            PtFile.writeDict(
                    folder.resolve("checkpoint.pt"),
                    null,
                    Map.of("model_state_dict", new PtFile.Annotated(StateDict.of(model), COLOURS.toMetadata())));
            for (String file : List.of("model.pt", "model.safetensors", "checkpoint.pt")) {
                MnistModels.Saved saved = MnistModels.read(folder.resolve(file));
                try (ImageClassificationBase network = saved.network()) {
                    assertThat(saved.images()).as(file).isEqualTo(COLOURS);
                    Tensor images = torch.rand(2, 3, 32, 24);
                    assertThat(network.forward(images).equal(model.forward(images)))
                            .isTrue();
                }
            }
        }
    }

    /** Without a note, the shapes say what can be known. */
    @ParameterizedTest
    @CsvSource({"mlp, 1, 28, 10", "mlp, 1, 28, 47", "mlp, 3, 32, 10", "cnn, 1, 28, 10", "cnn, 3, 32, 100"})
    void isGuessedFromTheShapes(String name, int channels, int side, int classes) throws IOException {
        ImageSpec images = new ImageSpec(
                channels,
                side,
                side,
                IntStream.range(0, classes).mapToObj(Integer::toString).toList(),
                side == 28,
                side == 28 ? 20 : 0,
                false);
        try (ImageClassificationBase model = MnistModels.create(name, List.of(5), images)) {
            Path file = folder.resolve("model.pt");
            StateDict.save(model, file);
            MnistModels.Saved saved = MnistModels.read(file);
            saved.network().close();
            assertThat(saved.images()).isEqualTo(images);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "image_shape; [3, 32]",
                "image_shape; [1, 28, 28]",
                "image_shape; [2, 32, 24]",
                "image_shape; [3, -32, -24]",
                "image_shape; [3, 32, 24",
                "image_shape; [3, 10000, 10000]",
                "image_shape; [3, null, 24]",
                "image_shape; {}",
                "classes; [\"one\"]",
                "classes; [\"one\", null]",
                "classes; []",
                "classes; 7",
                "ink_size; 99",
                "ink_size; ten"
            })
    void aNoteThatCannotBeIsRefused(String key, String value) throws IOException {
        Map<String, String> metadata = new HashMap<>(COLOURS.toMetadata());
        metadata.put(key, value);
        for (String name : MnistModels.NAMES) {
            try (ImageClassificationBase model = MnistModels.create(name, List.of(5), COLOURS);
                    TensorScope scope = TensorScope.open()) {
                Path file = folder.resolve(name + ".pt");
                PtFile.write(file, StateDict.of(model), metadata);
                assertThatThrownBy(() -> MnistModels.read(file))
                        .isInstanceOf(InputException.class)
                        .hasMessageContaining(file + " does not hold the weights of this model");
            }
        }
    }

    @Test
    void imagesTooSmallForTwoPoolingsAreRefused() {
        assertThatThrownBy(() -> new MnistCnn(1, 3, 28, 10))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("4 x 4 is the least");
    }

    @Test
    void readingAModelLeavesNoPointerBehind() throws IOException {
        Path file = folder.resolve("model.pt");
        try (ImageClassificationBase model = MnistModels.create("cnn", List.of(), COLOURS);
                TensorScope scope = TensorScope.open()) {
            PtFile.write(file, StateDict.of(model), COLOURS.toMetadata());
        }
        MnistModels.read(file).network().close();
        long before = LeakCheck.settled();
        for (int i = 0; i < 20; i++) {
            MnistModels.read(file).network().close();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }
}
