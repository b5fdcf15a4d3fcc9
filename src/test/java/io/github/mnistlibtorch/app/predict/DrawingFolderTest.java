package io.github.mnistlibtorch.app.predict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.ImageFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DrawingFolderTest {
    private static final List<String> DIGITS = List.of("0", "1", "2", "3");

    @TempDir
    private Path folder;

    @Test
    void whatIsSavedIsReadAsAFolderOfImages() throws IOException {
        byte[] grey = new byte[30 * 20];
        new Random(1).nextBytes(grey);
        DrawingFolder drawings = new DrawingFolder(folder.resolve("a/b"));
        assertThat(drawings.save(grey, 30, 20, DIGITS, 3).toString()).matches("3.3-\\d{8}-\\d{6}-[0-9a-f]{8}\\.png");
        drawings.save(new byte[600], 30, 20, DIGITS, 1);
        drawings.save(new byte[600], 30, 20, DIGITS, 1);

        ImageFolder images = ImageFolder.load(folder.resolve("a/b"));
        assertThat(images.size()).isEqualTo(3);
        assertThat(images.classes()).containsExactly("1", "3");
        assertThat(images.label(2)).isEqualTo(1);
        byte[] read = new byte[3 * 600];
        images.copyPixels(2, ByteBuffer.wrap(read), 0);
        for (int i = 0; i < read.length; i++) {
            assertThat(read[i]).isEqualTo(grey[i % 600]); // red, green and blue
        }
    }

    @Test
    void aFolderHoldsSoManyAndNoMore() throws IOException {
        DrawingFolder drawings = new DrawingFolder(folder, 2);
        drawings.save(new byte[1], 1, 1, DIGITS, 0);
        drawings.save(new byte[1], 1, 1, DIGITS, 1);
        assertThatThrownBy(() -> drawings.save(new byte[1], 1, 1, DIGITS, 2))
                .isInstanceOf(DrawingFolder.FullException.class)
                .hasMessageContaining("there are 2 drawings in " + folder);
        // What is there already counts.
        assertThatThrownBy(() -> new DrawingFolder(folder, 2).save(new byte[1], 1, 1, DIGITS, 2))
                .isInstanceOf(DrawingFolder.FullException.class);
        try (Stream<Path> all = Files.walk(folder)) {
            assertThat(all.filter(Files::isRegularFile)).hasSize(2);
        }
    }

    /** A file of weights may name its classes as it likes. */
    @Test
    void noNameOfAClassLeadsOutOfTheFolder() throws IOException {
        List<String> classes =
                List.of("../../x", "T-shirt/top", "..", "", "con", "a", "A", "a_6", "x".repeat(300), "ß \u0000\n", "/");
        List<String> names = DrawingFolder.names(classes);
        assertThat(names)
                .containsExactly(
                        "_x", "T-shirt_top", "_", "_3", "con_4", "a", "A_6", "a_6_7", "x".repeat(60), "ß _", "__10");
        DrawingFolder drawings = new DrawingFolder(folder.resolve("inside"));
        for (int label = 0; label < classes.size(); label++) {
            drawings.save(new byte[1], 1, 1, classes, label);
        }
        assertThat(ImageFolder.load(folder.resolve("inside")).classes()).hasSameSizeAs(classes);
        try (Stream<Path> all = Files.list(folder)) {
            assertThat(all).hasSize(1);
        }
    }

    @Test
    void whatIsNoFolderIsRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> new DrawingFolder(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(file + " cannot be made a folder");
    }
}
