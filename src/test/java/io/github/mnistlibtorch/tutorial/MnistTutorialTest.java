package io.github.mnistlibtorch.tutorial;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.RunConfigs;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The tutorial and the engine are the same article: what one prints and computes, the other does. */
@Tag("slow")
@ExtendWith(LibTorchExtension.class)
class MnistTutorialTest {
    @TempDir
    private static Path tutorial;

    @TempDir
    private static Path engine;

    private static String printedByTutorial = "";
    private static String printedByEngine = "";

    @BeforeAll
    static void run() throws IOException {
        PrintStream console = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(printed, true, UTF_8));
            MnistTutorial.main(tutorial.toString());
        } finally {
            System.setOut(console);
        }
        printedByTutorial = printed.toString(UTF_8);
        printed.reset();
        try (Device device = Devices.getDefaultDevice()) {
            new TrainingRun(RunConfigs.ARTICLE, Mnist.bundled(Mnist.Split.TRAIN), device)
                    .printTo(new PrintStream(printed, true, UTF_8))
                    .saveTo(engine)
                    .run();
        }
        printedByEngine = printed.toString(UTF_8);
    }

    @Test
    void printTheSameLines() {
        assertThat(printedByTutorial.lines())
                .containsExactlyElementsOf(printedByEngine.lines().toList())
                .hasSize(21);
    }

    @Test
    void haveTheSameWeightsToTheBit() throws IOException {
        assertThat(tutorial.resolve("model.pt")).hasBinaryContent(Files.readAllBytes(engine.resolve("model.pt")));
    }

    /** The loss of the engine's picture has the training loss as a second line. */
    @Test
    void drawTheSamePictures() throws IOException {
        for (String picture : new String[] {"batch.png", "accuracy.png"}) {
            assertThat(tutorial.resolve(picture))
                    .as(picture)
                    .hasBinaryContent(Files.readAllBytes(engine.resolve(picture)));
        }
        assertThat(tutorial.resolve("loss.png")).isNotEmptyFile();
    }
}
