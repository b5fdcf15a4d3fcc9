package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.ToTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Finds the digits on photographs and drawings, and makes them into what a network has learned from MNIST. */
public final class DigitPreprocessor {
    private static final int SIDE = DigitNormalizer.SIDE;

    private DigitPreprocessor() {}

    /**
     * A digit, as a network is to see it.
     *
     * @param box where it was, in pixels of the image as it is shown
     * @param isCut whether it reaches the border of the image
     * @param pixels uint8, 28 × 28, row by row, light on dark
     */
    public record Digit(Box box, boolean isCut, byte[] pixels) {
        /** float32 (1, 1, 28, 28) in [0, 1], which the caller closes. */
        public Tensor image() {
            try (Tensor image = ToTensor.toTensor(pixels, SIDE, SIDE)) {
                return image.unsqueeze(0);
            }
        }
    }

    /**
     * What an image shows.
     *
     * @param digits at least one, from left to right
     * @param largest the one that was meant, most likely
     * @param steps what led to them; null if the image is as MNIST's, and was taken as it is
     */
    public record Digits(
            List<Digit> digits, Digit largest, @Nullable Steps steps) {}

    /**
     * How digits were found.
     *
     * @param paper brightness of the paper, from 0 to 1
     * @param isDarkOnLight whether the ink is darker than it
     * @param leastInk what differs from the paper by less, as a share of it, is noise
     * @param components of ink, with lines and dust
     */
    public record Steps(float paper, boolean isDarkOnLight, float leastInk, int components) {}

    /**
     * Reads a PNG, JPEG, BMP or GIF file of any size, light on dark or dark on light. One of 28 × 28 pixels in which a digit
     * lies as in MNIST is at most turned light on dark.
     *
     * @throws InputException if the file cannot be read as an image, or shows no digit
     * @throws IOException if the disk fails
     */
    public static Digits read(Path file) throws IOException {
        ImageFile.Image image = ImageFile.read(file);
        return find(image, file);
    }

    /**
     * Takes an image that is in memory.
     *
     * @param grey row by row, 0 for black to 255 for white
     * @param name for the exception
     * @throws InputException if it shows no digit
     * @throws IllegalArgumentException if there are not {@code width * height} bytes
     */
    public static Digits of(byte[] grey, int width, int height, String name) throws InputException {
        if (grey.length != width * height) {
            throw new IllegalArgumentException(grey.length + " bytes are no " + width + " x " + height + " pixels");
        }
        float[] values = new float[grey.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (grey[i] & 0xff) / 255f;
        }
        return find(new ImageFile.Image(new Grey(values, width, height), 1, new Box(0, 0, width, height)), name);
    }

    private static Digits find(ImageFile.Image file, Object name) throws InputException {
        Grey image = file.grey();
        for (Grey lightOnDark : List.of(image, image.inverted())) {
            if (DigitNormalizer.isNormal(lightOnDark)) {
                Digit digit = new Digit(new Box(0, 0, SIDE, SIDE), /* isCut= */ false, bytes(lightOnDark));
                return new Digits(List.of(digit), digit, null);
            }
        }
        boolean isDarkOnLight = InkMap.isPaperLight(image);
        InkMap map = InkMap.of(image, isDarkOnLight);
        DigitFinder.Found found = DigitFinder.find(map);
        // A frame darkens the border of light paper, and thick strokes most of a small image.
        if (!found.hasWholeDigit() && InkMap.isBorderLight(image) != isDarkOnLight) {
            InkMap otherMap = InkMap.of(image, !isDarkOnLight);
            DigitFinder.Found other = DigitFinder.find(otherMap);
            if (other.hasWholeDigit()) {
                isDarkOnLight = !isDarkOnLight;
                map = otherMap;
                found = other;
            }
        }
        if (found.digits().isEmpty()) {
            throw new InputException(name + " shows no digit that stands out from its paper");
        }
        Grey ink = map.ink();
        List<Digit> digits = found.digits().stream()
                .map(digit -> new Digit(
                        digit.component().box().times(file.pixelsPerCell(), file.whole()),
                        digit.isCut(),
                        bytes(DigitNormalizer.normal(ink, digit))))
                .toList();
        return new Digits(
                digits,
                digits.get(found.largest()),
                new Steps(map.paper(), isDarkOnLight, map.grain(), found.components()));
    }

    private static byte[] bytes(Grey grey) {
        byte[] bytes = new byte[grey.values().length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Math.round(255 * grey.values()[i]);
        }
        return bytes;
    }
}
