package io.github.mnistlibtorch.torch.plot;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.vision.Png;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.font.FontRenderContext;
import java.awt.font.TextLayout;
import java.awt.geom.AffineTransform;
import java.awt.geom.Line2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;

/** What all plots have in common: white ground, 144 dpi, fonts and colours. Lengths are in points, 72 to the inch. */
public final class Canvas {
    public static final Font TICK_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 9);

    public static final Color INK = new Color(0x26, 0x26, 0x26);

    /** Blue and vermilion of Okabe and Ito's palette, which colour-blind readers tell from each other. */
    public static final Color BLUE = new Color(0x00, 0x72, 0xB2);

    public static final Color VERMILION = new Color(0xD5, 0x5E, 0x00);

    public static final Color FRAME = tint(INK, 0.5);
    public static final Color GRID = tint(INK, 0.15);

    private static final int PIXELS_PER_POINT = 2;
    private static final Font TITLE_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    public static final Font LABEL_FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 10);
    private static final int TITLE_BASELINE = 22;

    private final Graphics2D graphics;

    private Canvas(Graphics2D graphics) {
        this.graphics = graphics;
    }

    /** Draws an image and writes it, whole or not at all. */
    public static void write(Path png, int width, int height, Consumer<Canvas> drawing) throws IOException {
        int columns = width * PIXELS_PER_POINT;
        int rows = height * PIXELS_PER_POINT;
        BufferedImage image = new BufferedImage(columns, rows, BufferedImage.TYPE_3BYTE_BGR);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            graphics.scale(PIXELS_PER_POINT, PIXELS_PER_POINT);
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, width, height);
            drawing.accept(new Canvas(graphics));
        } finally {
            graphics.dispose();
        }
        byte[] rgb = (byte[]) image.getRaster().getDataElements(0, 0, columns, rows, null);
        AtomicFile.write(png, out -> Png.write(rgb, columns, rows, 3, 72 * PIXELS_PER_POINT, out));
    }

    /** Fails with what Java throws where it cannot draw text. */
    static void tryToDraw() {
        BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_3BYTE_BGR);
        Graphics2D graphics = image.createGraphics();
        try {
            new Canvas(graphics).tick("0", 0, 0);
        } finally {
            graphics.dispose();
        }
    }

    public Graphics2D graphics() {
        return graphics;
    }

    public void title(String text, double middle) {
        text(text, TITLE_FONT, INK, 0.5, middle, TITLE_BASELINE);
    }

    /** The name of an axis. */
    public void label(String text, double middle, double baseline) {
        text(text, LABEL_FONT, INK, 0.5, middle, baseline);
    }

    /** The name of a vertical axis, to be read upwards. */
    public void verticalLabel(String text, double baseline, double middle) {
        AffineTransform upright = graphics.getTransform();
        graphics.rotate(-Math.PI / 2, baseline, middle);
        label(text, baseline, middle);
        graphics.setTransform(upright);
    }

    /** Small text that is read upwards and ends at {@code top}. */
    public void verticalText(String text, double baseline, double top) {
        AffineTransform upright = graphics.getTransform();
        graphics.rotate(-Math.PI / 2, baseline, top);
        text(text, TICK_FONT, INK, 1, baseline, top);
        graphics.setTransform(upright);
    }

    /** Small text around {@code middle}. */
    public void tick(String text, double middle, double baseline) {
        text(text, TICK_FONT, INK, 0.5, middle, baseline);
    }

    /** A tick of a horizontal axis, with its grid line above it. */
    public void xTick(String text, double x, double top, double bottom) {
        graphics.setColor(GRID);
        graphics.draw(new Line2D.Double(x, top, x, bottom));
        tick(text, x, bottom + 14);
    }

    /** A tick of a vertical axis, with its grid line beside it. */
    public void yTick(String text, double y, double left, double right) {
        graphics.setColor(GRID);
        graphics.draw(new Line2D.Double(left, y, right, y));
        text(text, TICK_FONT, INK, 1, left - 7, y + 3);
    }

    /** Small text that begins at {@code left}. */
    public void text(String text, double left, double baseline) {
        text(text, TICK_FONT, INK, 0, left, baseline);
    }

    /** @param alignment 0 if the text begins at {@code x}, 0.5 if its middle is there, 1 if it ends there */
    public void text(String text, Font font, Color colour, double alignment, double x, double baseline) {
        TextLayout layout = new TextLayout(text, font, graphics.getFontRenderContext());
        double left = x - alignment * layout.getAdvance();
        graphics.setColor(colour);
        graphics.fill(layout.getOutline(AffineTransform.getTranslateInstance(left, baseline)));
    }

    /** How wide {@code text} will be. */
    public static double width(String text, Font font) {
        return new TextLayout(text, font, new FontRenderContext(null, true, true)).getAdvance();
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
}
