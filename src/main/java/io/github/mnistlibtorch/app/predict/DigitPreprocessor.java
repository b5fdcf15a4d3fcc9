package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.vision.Pixels;
import io.github.mnistlibtorch.torch.vision.ToTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Finds what a network is to recognize on photographs and drawings, and makes it into what it has learned from. */
public final class DigitPreprocessor {
    private final ImageSpec images;

    /** @param images that a network has learned from */
    public DigitPreprocessor(ImageSpec images) {
        this.images = images;
    }

    /**
     * A digit, as a network is to see it.
     *
     * @param box where it was, in pixels of the image as it is shown
     * @param isCut whether it reaches the border of the image
     * @param seen light on dark if that is how the network has learned it, and upright
     */
    public record Digit(Box box, boolean isCut, Pixels seen) {
        /** float32 (1, channels, rows, columns) in [0, 1], which the caller closes. */
        public Tensor image() {
            return image(seen);
        }

        /** The same with rows for columns. */
        Tensor transposed() {
            return image(seen.transposed());
        }

        private static Tensor image(Pixels pixels) {
            try (Tensor image =
                    ToTensor.toTensor(pixels.planes(), pixels.channels(), pixels.height(), pixels.width())) {
                return image.unsqueeze(0);
            }
        }
    }

    /**
     * What an image shows.
     *
     * @param digits at least one, from left to right
     * @param largest the one that was meant, most likely
     * @param steps what led to them; null if the image was taken as it is
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
     * Reads a PNG, JPEG, BMP or GIF file of any size, light on dark or dark on light. One of the size of MNIST's in which a digit
     * lies as in MNIST is at most turned light on dark. If the network has learned from whole pictures, so is this one taken, resized
     * as {@code torchvision.transforms.Resize} does.
     *
     * @throws InputException if the file cannot be read as an image, or shows no digit
     * @throws IOException if the disk fails
     */
    public Digits read(Path file) throws IOException {
        return images.inkSize() == 0 ? whole(Photograph.readColours(file)) : find(Photograph.read(file), file);
    }

    /**
     * Takes an image that is in memory.
     *
     * @param grey row by row, 0 for black to 255 for white
     * @param name for the exception
     * @throws InputException if it shows no digit
     * @throws IllegalArgumentException if there are not {@code width * height} bytes
     */
    public Digits of(byte[] grey, int width, int height, String name) throws InputException {
        if (grey.length != width * height) {
            throw new IllegalArgumentException(grey.length + " bytes are no " + width + " x " + height + " pixels");
        }
        if (images.inkSize() == 0) {
            return whole(new Pixels(grey, width, height, 1));
        }
        float[] values = new float[grey.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (grey[i] & 0xff) / 255f;
        }
        return find(new Photograph.Image(new Grey(values, width, height), 1, new Box(0, 0, width, height)), name);
    }

    private Digits whole(Pixels image) {
        Pixels resized = image.resize(images.columns(), images.rows());
        Pixels seen = images.channels() == 1 ? resized.grey() : resized.rgb();
        if (images.isOnBlack() && seen.isBorderLight()) {
            seen = seen.inverted();
        }
        Digit all = new Digit(new Box(0, 0, image.width(), image.height()), /* isCut= */ false, seen);
        return new Digits(List.of(all), all, null);
    }

    private Digits find(Photograph.Image file, Object name) throws InputException {
        DigitNormalizer normalizer = new DigitNormalizer(images);
        Grey image = file.grey();
        for (Grey lightOnDark : List.of(image, image.inverted())) {
            if (normalizer.isNormal(lightOnDark)) {
                Box all = new Box(0, 0, images.columns(), images.rows());
                Digit digit = new Digit(all, /* isCut= */ false, pixels(lightOnDark));
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
            throw new InputException(PlainText.name(name) + " shows no " + word() + " that stands out from its paper");
        }
        Grey ink = map.ink();
        List<Digit> digits = found.digits().stream()
                .map(digit -> new Digit(
                        digit.component().box().times(file.pixelsPerCell(), file.whole()),
                        digit.isCut(),
                        pixels(normalizer.normal(ink, digit))))
                .toList();
        return new Digits(
                digits,
                digits.get(found.largest()),
                new Steps(map.paper(), isDarkOnLight, map.grain(), found.components()));
    }

    /** What the network knows. */
    private String word() {
        return images.areDigits() ? "digit" : "shape";
    }

    private static Pixels pixels(Grey grey) {
        byte[] bytes = new byte[grey.values().length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Math.round(255 * grey.values()[i]);
        }
        return new Pixels(bytes, grey.width(), grey.height(), 1);
    }
}
