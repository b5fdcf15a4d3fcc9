package io.github.mnistlibtorch.torch.plot;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.vision.Png;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.font.TextLayout;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/** What all pictures have in common: white ground, 144 dpi, fonts and ink. Lengths are in points, 72 to the inch. */
public final class Canvas {
    static final int PIXELS_PER_POINT = 2;

    public static final Font TITLE_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    public static final Font LABEL_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 10);
    public static final Font TICK_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 9);

    public static final Color INK = new Color(0x26, 0x26, 0x26);

    /** Blue and vermilion of Okabe and Ito's palette, which colour-blind readers tell from each other. */
    public static final Color BLUE = new Color(0x00, 0x72, 0xB2);

    public static final Color VERMILION = new Color(0xD5, 0x5E, 0x00);

    private Canvas() {}

    /** Draws a picture and writes it, whole or not at all. */
    public static void write(Path png, int width, int height, Consumer<Graphics2D> drawing) throws IOException {
        BufferedImage image =
                new BufferedImage(width * PIXELS_PER_POINT, height * PIXELS_PER_POINT, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            graphics.scale(PIXELS_PER_POINT, PIXELS_PER_POINT);
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, width, height);
            drawing.accept(graphics);
        } finally {
            graphics.dispose();
        }
        AtomicFile.write(
                png, out -> Png.write(rgb(image), image.getWidth(), image.getHeight(), 3, 72 * PIXELS_PER_POINT, out));
    }

    /** Text around {@code middle}. */
    public static void centred(Graphics2D graphics, String text, Font font, Color ink, double middle, double baseline) {
        TextLayout layout = new TextLayout(text, font, graphics.getFontRenderContext());
        text(graphics, layout, ink, middle - layout.getAdvance() / 2, baseline);
    }

    /** Text that begins at {@code left}. */
    public static void text(Graphics2D graphics, String text, Font font, Color ink, double left, double baseline) {
        text(graphics, new TextLayout(text, font, graphics.getFontRenderContext()), ink, left, baseline);
    }

    private static void text(Graphics2D graphics, TextLayout layout, Color ink, double left, double baseline) {
        graphics.setColor(ink);
        graphics.fill(layout.getOutline(AffineTransform.getTranslateInstance(left, baseline)));
    }

    /** A colour between white, at 0, and {@code full}, at 1. */
    public static Color tint(Color full, double strength) {
        return new Color(
                between(255, full.getRed(), strength),
                between(255, full.getGreen(), strength),
                between(255, full.getBlue(), strength));
    }

    private static int between(int from, int to, double strength) {
        return (int) Math.round(from + (to - from) * Math.max(0, Math.min(1, strength)));
    }

    private static byte[] rgb(BufferedImage image) {
        int[] pixels = ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
        byte[] samples = new byte[3 * pixels.length];
        for (int i = 0; i < pixels.length; i++) {
            samples[3 * i] = (byte) (pixels[i] >> 16);
            samples[3 * i + 1] = (byte) (pixels[i] >> 8);
            samples[3 * i + 2] = (byte) pixels[i];
        }
        return samples;
    }
}
