package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Element;

class PngTest {
    @ParameterizedTest
    @CsvSource({
        "1,1,1",
        "1,1,2",
        "1,1,3",
        "1,1,4",
        "7,3,1",
        "7,3,2",
        "7,3,3",
        "7,3,4",
        "300,200,1",
        "300,200,2",
        "300,200,3",
        "300,200,4"
    })
    void imageIoReadsEverySampleBack(int width, int height, int channels) throws IOException {
        byte[] samples = random(width * height * channels);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Png.write(samples, width, height, channels, out);

        Raster raster =
                ImageIO.read(new ByteArrayInputStream(out.toByteArray())).getRaster();
        assertThat(raster.getWidth()).isEqualTo(width);
        assertThat(raster.getHeight()).isEqualTo(height);
        assertThat(raster.getNumBands()).isEqualTo(channels);
        int[] read = raster.getPixels(0, 0, width, height, (int[]) null);
        assertThat(read).hasSameSizeAs(samples);
        for (int i = 0; i < read.length; i++) {
            assertThat(read[i]).as("sample %d", i).isEqualTo(samples[i] & 0xff);
        }
    }

    @Test
    void resolutionIsInPixelsToAMetre() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Png.write(random(12), 2, 2, 3, 72, out);

        Element size = (Element) chunk(out.toByteArray(), "pHYs");
        assertThat(size.getAttribute("pixelsPerUnitXAxis")).isEqualTo("2835");
        assertThat(size.getAttribute("pixelsPerUnitYAxis")).isEqualTo("2835");
        assertThat(size.getAttribute("unitSpecifier")).isEqualTo("meter");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 5})
    void otherNumbersOfChannelsAreRefusedBeforeAnythingIsWritten(int channels) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> Png.write(new byte[20], 2, 2, channels, out))
                .withMessage("cannot write a picture of " + channels + " channels; 1 to 4 can be");
        assertThat(out.size()).isZero();
    }

    private static org.w3c.dom.Node chunk(byte[] png, String name) throws IOException {
        ImageReader reader = ImageIO.getImageReadersByFormatName("png").next();
        try (ImageInputStream in = ImageIO.createImageInputStream(new ByteArrayInputStream(png))) {
            reader.setInput(in);
            Element root = (Element) reader.getImageMetadata(0).getAsTree("javax_imageio_png_1.0");
            return root.getElementsByTagName(name).item(0);
        } finally {
            reader.dispose();
        }
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }
}
