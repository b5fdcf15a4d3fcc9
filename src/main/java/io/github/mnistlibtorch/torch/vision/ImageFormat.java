package io.github.mnistlibtorch.torch.vision;

import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.Raster;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** The picture files that can be written, called by Pillow's names. */
enum ImageFormat {
    PNG("png"),
    JPEG("jpg", "jpeg", "jpe", "jfif"),
    BMP("bmp"),
    GIF("gif");

    private final List<String> extensions;

    ImageFormat(String... extensions) {
        this.extensions = List.of(extensions);
    }

    /** By the extension of a file name, upper or lower case. */
    static ImageFormat ofFile(Path file) {
        String name = String.valueOf(file.getFileName());
        int dot = name.lastIndexOf('.');
        String extension = dot < 0 ? "" : name.substring(dot + 1).toLowerCase(Locale.ROOT);
        return Arrays.stream(values())
                .filter(format -> format.extensions.contains(extension))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown file extension: "
                        + (dot < 0 ? "" : name.substring(dot)) + " of " + file + "; use .png, .jpg, .bmp or .gif"));
    }

    /** By name, upper or lower case; an extension will do. */
    static ImageFormat named(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return Arrays.stream(values())
                .filter(format -> format.extensions.contains(lower))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "unknown image format: " + name + "; use one of " + Arrays.toString(values())));
    }

    /**
     * Writes a picture given as samples, row by row, the channels of a pixel side by side.
     *
     * @param channels 2 for grey and opacity, 3 for RGB, 4 for RGB and opacity
     * @throws IllegalArgumentException if this format has no such pictures
     */
    void write(byte[] samples, int width, int height, int channels, OutputStream out) throws IOException {
        if (this == PNG) {
            Png.write(samples, width, height, channels, out);
            return;
        }
        // Not ImageIO's own stream for an OutputStream, which goes through a temporary file.
        try (ImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
            // A palette is made of RGB, to which ImageIO's grey, being linear, would convert too bright.
            BufferedImage image = this == GIF && channels == 2
                    ? image(withColors(samples), width, height, 4)
                    : image(samples, width, height, channels);
            if (!ImageIO.write(image, name(), stream)) {
                throw new IllegalArgumentException("cannot write a picture of " + channels + " channels as " + name());
            }
        }
    }

    /** Grey and opacity as RGB and opacity. */
    private static byte[] withColors(byte[] samples) {
        byte[] colors = new byte[2 * samples.length];
        for (int i = 0; i < samples.length; i += 2) {
            Arrays.fill(colors, 2 * i, 2 * i + 3, samples[i]);
            colors[2 * i + 3] = samples[i + 1];
        }
        return colors;
    }

    private static BufferedImage image(byte[] samples, int width, int height, int channels) {
        if (channels < 2 || channels > 4) {
            throw new IllegalArgumentException("cannot write a picture of " + channels + " channels; 1 to 4 can be");
        }
        boolean alpha = channels != 3;
        var colors = new ComponentColorModel(
                ColorSpace.getInstance(channels == 2 ? ColorSpace.CS_GRAY : ColorSpace.CS_sRGB),
                alpha,
                /* isAlphaPremultiplied= */ false,
                alpha ? Transparency.TRANSLUCENT : Transparency.OPAQUE,
                DataBuffer.TYPE_BYTE);
        var raster = Raster.createInterleavedRaster(
                new DataBufferByte(samples, samples.length),
                width,
                height,
                width * channels,
                channels,
                IntStream.range(0, channels).toArray(),
                /* location= */ null);
        return new BufferedImage(colors, raster, /* isRasterPremultiplied= */ false, /* properties= */ null);
    }
}
