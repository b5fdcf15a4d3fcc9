package io.github.mnistlibtorch.torch.vision;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** The image files that can be written, called by Pillow's names. */
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
        String extension = dot < 0 ? "" : name.substring(dot);
        return ofExtension(extension.replace(".", ""))
                .orElseThrow(() -> new IllegalArgumentException(
                        "unknown file extension: " + extension + " of " + file + "; use .png, .jpg, .bmp or .gif"));
    }

    /** By name, upper or lower case; an extension will do. */
    static ImageFormat named(String name) {
        return ofExtension(name)
                .orElseThrow(() -> new IllegalArgumentException(
                        "unknown image format: " + name + "; use one of " + Arrays.toString(values())));
    }

    private static Optional<ImageFormat> ofExtension(String extension) {
        String lower = extension.toLowerCase(Locale.ROOT);
        return Arrays.stream(values())
                .filter(format -> format.extensions.contains(lower))
                .findFirst();
    }

    /**
     * Writes an image given as samples, row by row, the channels of a pixel side by side.
     *
     * @param channels 2 for grey and opacity, 3 for RGB, 4 for RGB and opacity
     * @throws IllegalArgumentException if this format has no such images
     */
    void write(byte[] samples, int width, int height, int channels, OutputStream out) throws IOException {
        if (this == PNG) {
            Png.write(samples, width, height, channels, out);
        } else {
            WithImageIo.write(this, samples, width, height, channels, out);
        }
    }

    /** A class of its own, so that a Java without {@code java.desktop} still writes PNG. */
    private static final class WithImageIo {
        static void write(ImageFormat format, byte[] samples, int width, int height, int channels, OutputStream out)
                throws IOException {
            BufferedImage image = switch (channels) {
                case 2 -> image(withColors(samples), width, height, BufferedImage.TYPE_4BYTE_ABGR);
                case 3 -> image(samples, width, height, BufferedImage.TYPE_3BYTE_BGR);
                case 4 -> image(samples, width, height, BufferedImage.TYPE_4BYTE_ABGR);
                default ->
                    throw new IllegalArgumentException(
                            "cannot write a picture of " + channels + " channels; 1 to 4 can be");
            };
            // Not ImageIO's own stream for an OutputStream, which goes through a temporary file.
            try (ImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
                if (!ImageIO.write(image, format.name(), stream)) {
                    throw new IllegalArgumentException(
                            "cannot write a picture of " + channels + " channels as " + format);
                }
            }
        }

        /** Grey and opacity as RGB and opacity: ImageIO's grey, being linear, would become too bright in a palette. */
        private static byte[] withColors(byte[] samples) {
            byte[] colors = new byte[2 * samples.length];
            for (int i = 0; i < samples.length; i += 2) {
                Arrays.fill(colors, 2 * i, 2 * i + 3, samples[i]);
                colors[2 * i + 3] = samples[i + 1];
            }
            return colors;
        }

        private static BufferedImage image(byte[] samples, int width, int height, int type) {
            BufferedImage image = new BufferedImage(width, height, type);
            image.getRaster().setDataElements(0, 0, width, height, samples);
            return image;
        }
    }
}
