package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.data.ImageDataset;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a model takes and what it answers. Files of weights keep it beside them, if it is not what MNIST's is.
 *
 * @param channels 1 for grey images, 3 for colours
 * @param rows height of an image in pixels
 * @param columns width of an image in pixels
 * @param classes their names, by label
 * @param isOnBlack whether most images show something light on black
 * @param inkSize if that is lines, as of a pen, the longer side of the box around them in pixels; 0 if it is not
 * @param isTransposed whether images lie on their side, mirrored
 */
public record ImageSpec(
        int channels,
        int rows,
        int columns,
        List<String> classes,
        boolean isOnBlack,
        int inkSize,
        boolean isTransposed) {
    /** Of MNIST: 28 × 28 grey pixels, digits that fill 20 × 20 of them. */
    public static final ImageSpec MNIST = new ImageSpec(1, 28, 28, numbered(10), true, 20, false);

    /** Of an image, in pixels. */
    public static final int MOST_SIDE = 10_000;

    private static final int MOST_CLASSES = 100_000;

    private static final String SHAPE = "image_shape";
    private static final String CLASSES = "classes";
    private static final String ON_BLACK = "on_black";
    private static final String INK_SIZE = "ink_size";
    private static final String TRANSPOSED = "transposed";

    /** So many images of a dataset are looked at. */
    private static final int SAMPLE = 1_000;

    /** Darker is black. */
    private static final int BLACK = 25;

    /** Brighter is ink. */
    private static final int INK = 127;

    /** Lines cover less of the box around them; MNIST's cover a third, Fashion-MNIST's garments a half. */
    private static final double MOST_OF_BOX = 0.42;

    /** Loaded where it is needed: of MNIST, nothing is read or written, and to load it takes long. */
    private static final class Json {
        static final JsonMapper MAPPER = JsonMapper.builder().build();
    }

    /** @throws IllegalArgumentException if there can be no such images or classes */
    public ImageSpec {
        classes = List.copyOf(classes);
        if (channels != 1 && channels != 3
                || Math.min(rows, columns) < 1
                || Math.max(rows, columns) > MOST_SIDE
                || classes.isEmpty()
                || classes.size() > MOST_CLASSES
                || inkSize < 0
                || inkSize > Math.min(rows, columns)) {
            throw new IllegalArgumentException("there can be no images of " + channels + " x " + rows + " x " + columns
                    + " pixels in " + classes.size() + " classes");
        }
    }

    /** What the images of a dataset are. */
    public static ImageSpec of(ImageDataset dataset) {
        List<String> classes = dataset.classes().stream()
                .map(name -> name.replaceFirst("^(\\d) - .*", "$1")) // torchvision's "7 - seven"
                .toList();
        boolean isTransposed = dataset instanceof Mnist mnist && mnist.isTransposed();
        Sample sample = dataset.channels() == 1 ? Sample.of(dataset) : new Sample(false, 0);
        return new ImageSpec(
                dataset.channels(),
                dataset.rows(),
                dataset.columns(),
                classes,
                sample.isOnBlack,
                sample.inkSize,
                isTransposed);
    }

    /** What the grey images of a dataset look like, by some of them. */
    private record Sample(boolean isOnBlack, int inkSize) {
        static Sample of(ImageDataset dataset) {
            int rows = dataset.rows();
            int columns = dataset.columns();
            int count = Math.min(SAMPLE, dataset.size());
            byte[] image = new byte[rows * columns];
            int[] sizes = new int[count];
            double[] shares = new double[count];
            int onBlack = 0;
            for (int i = 0; i < count; i++) {
                dataset.copyPixels((int) ((long) i * dataset.size() / count), ByteBuffer.wrap(image), 0);
                int[] corners = {0, columns - 1, image.length - columns, image.length - 1};
                onBlack += Arrays.stream(corners).allMatch(corner -> (image[corner] & 0xff) < BLACK) ? 1 : 0;
                int left = columns;
                int right = left;
                int top = rows;
                int bottom = top;
                int ink = 0;
                for (int pixel = 0; pixel < image.length; pixel++) {
                    if (image[pixel] != 0) {
                        right = left == columns ? pixel % columns : Math.max(right, pixel % columns);
                        left = Math.min(left, pixel % columns);
                        top = Math.min(top, pixel / columns);
                        bottom = pixel / columns;
                        ink += (image[pixel] & 0xff) > INK ? 1 : 0;
                    }
                }
                sizes[i] = Math.max(right - left, bottom - top) + 1;
                shares[i] = (double) ink / ((right - left + 1) * (bottom - top + 1));
            }
            Arrays.sort(sizes);
            Arrays.sort(shares);
            boolean isOnBlack = 2 * onBlack > count;
            boolean areLines = isOnBlack && shares[count / 2] < MOST_OF_BOX;
            return new Sample(isOnBlack, areLines ? Math.min(sizes[count / 2], Math.min(rows, columns)) : 0);
        }
    }

    /** Names of classes that have none. */
    public static List<String> numbered(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    /** Number of values in an image. */
    public int inputSize() {
        return channels * rows * columns;
    }

    /** Whether they are the ten digits. */
    public boolean areDigits() {
        return classes.equals(MNIST.classes);
    }

    /** As texts, for a file; nothing of what MNIST's is. */
    public Map<String, String> toMetadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        if (!equals(MNIST)) {
            metadata.put(SHAPE, Json.MAPPER.writeValueAsString(List.of(channels, rows, columns)));
            metadata.put(CLASSES, Json.MAPPER.writeValueAsString(classes));
            metadata.put(ON_BLACK, Boolean.toString(isOnBlack));
            metadata.put(INK_SIZE, Integer.toString(inkSize));
            metadata.put(TRANSPOSED, Boolean.toString(isTransposed));
        }
        return metadata;
    }

    /** Whether {@link #ofMetadata} knows what to make of it. */
    static boolean isIn(Map<String, String> metadata) {
        return metadata.containsKey(SHAPE) && metadata.containsKey(CLASSES);
    }

    /**
     * From texts as {@link #toMetadata} gives them.
     *
     * @throws IllegalArgumentException if they make no sense
     */
    static ImageSpec ofMetadata(Map<String, String> metadata) {
        try {
            List<Integer> shape = Json.MAPPER.readValue(metadata.get(SHAPE), new TypeReference<>() {});
            List<String> classes = Json.MAPPER.readValue(metadata.get(CLASSES), new TypeReference<>() {});
            if (shape.size() != 3 || shape.contains(null) || classes.contains(null)) {
                throw new IllegalArgumentException("an image has channels, rows and columns, and a class has a name");
            }
            return new ImageSpec(
                    shape.get(0),
                    shape.get(1),
                    shape.get(2),
                    classes,
                    Boolean.parseBoolean(metadata.get(ON_BLACK)),
                    Integer.parseInt(metadata.getOrDefault(INK_SIZE, "0")),
                    Boolean.parseBoolean(metadata.get(TRANSPOSED)));
        } catch (JacksonException | NullPointerException e) {
            throw new IllegalArgumentException("it is not JSON", e);
        }
    }
}
