package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.History;
import io.github.mnistlibtorch.tutorial.MnistCnn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A run as one page for a browser.
 *
 * @param configuration of the run, by name
 * @param environment that it ran in, by name
 * @param facts for the strip on top, by name
 * @param schedule learning rate of each epoch
 * @param history the evaluation before training and after each epoch
 * @param trainLosses one for each epoch
 * @param dataset what was predicted: the held-out images
 * @param predictions of them
 * @param details of some of them
 * @param units of the first layer
 * @param images what they are
 * @param command that runs it again
 */
record Report(
        Map<String, String> configuration,
        Map<String, Object> environment,
        Map<String, ?> facts,
        List<Phase> schedule,
        List<EpochResult> history,
        List<Double> trainLosses,
        Dataset<LabeledImage> dataset,
        Predictions predictions,
        Details details,
        HiddenUnits units,
        ImageSpec images,
        String command) {
    /** Of the first held-out images. */
    static final int SAMPLES = 24;

    private static final int MOST_MISTAKES = 500;

    /** All images together, in bytes; a PNG of them is smaller. */
    private static final int MOST_BYTES = 600_000;

    /** Of more classes than this, the most probable ones are shown. */
    private static final int MOST_CLASSES = 10;

    private static final int PERCENT_OF_PERCENT = 10_000;

    /** How many mistakes a report shows; less of large images. */
    static int mostMistakes(ImageSpec images) {
        int by = SpriteSheet.shrinking(images.columns(), images.rows());
        return Math.max(SAMPLES, Math.min(MOST_MISTAKES, MOST_BYTES / (images.inputSize() / by / by + 1)));
    }

    /**
     * Writes the page.
     *
     * @param html replaced or created, whole or not at all; its folder must exist
     * @throws IOException if an image cannot be read or the file cannot be written
     */
    void write(Path html) throws IOException {
        Page.write(html, "report", data());
    }

    /** What the page draws. */
    Map<String, Object> data() throws IOException {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("facts", facts);
        data.put("correct", predictions.correctCount());
        data.put("size", predictions.size());
        data.put("mistakes", predictions.size() - predictions.correctCount());
        data.put("valLoss", History.valLosses(history));
        data.put("valAcc", History.valAccs(history));
        data.put("trainLoss", trainLosses);
        data.put(
                "lr",
                schedule.stream()
                        .flatMap(phase -> Collections.nCopies(phase.epochs(), phase.lr()).stream())
                        .limit(history.size() - 1L)
                        .toList());
        data.put("classes", images.classes().stream().map(PlainText::of).toList());
        data.put("areDigits", images.areDigits());
        data.put("confusion", cells());
        data.put("samples", Math.min(SAMPLES, predictions.size()));
        data.put("sheet", sheet());
        data.put("positions", column(Details.Image::position));
        data.put("labels", column(Details.Image::label));
        data.put("answers", column(Details.Image::answer));
        if (images.classes().size() > MOST_CLASSES) {
            data.put("top", column(Report::top));
        }
        data.put("probabilities", column(this::probabilities));
        data.put("scores", column(image -> rounded(image.score())));
        data.put(
                "spoke",
                column(image -> image.units().stream()
                        .flatMap(unit -> Stream.of(
                                unit.index(),
                                rounded(unit.activation()),
                                rounded(unit.adds()),
                                rounded(unit.addsToLabel())))
                        .toList()));
        if (details.images().stream().anyMatch(image -> image.evidence().length > 0)) {
            data.put("evidence", evidence());
        }
        data.put("units", units.sheet());
        data.put("configuration", configuration);
        data.put(
                "environment",
                environment.entrySet().stream()
                        .collect(
                                LinkedHashMap<String, String>::new,
                                (all, fact) -> all.put(fact.getKey(), String.valueOf(fact.getValue())),
                                Map::putAll));
        data.put("command", command);
        return data;
    }

    private <T> List<T> column(Function<Details.Image, T> value) {
        return details.images().stream().map(value).toList();
    }

    /** Class, answer and how often, of what has occurred. */
    private List<int[]> cells() {
        int[][] confusion = predictions.confusion();
        List<int[]> cells = new ArrayList<>();
        for (int label = 0; label < confusion.length; label++) {
            for (int answer = 0; answer < confusion.length; answer++) {
                if (confusion[label][answer] > 0) {
                    cells.add(new int[] {label, answer, confusion[label][answer]});
                }
            }
        }
        return cells;
    }

    /** The most probable classes, and the right one. */
    private static List<Integer> top(Details.Image image) {
        List<Integer> top = new ArrayList<>(IntStream.range(0, image.probabilities().length)
                .boxed()
                .sorted(Comparator.comparingDouble(output -> -image.probabilities()[output]))
                .limit(MOST_CLASSES)
                .toList());
        if (!top.contains(image.label())) {
            top.set(top.size() - 1, image.label());
        }
        return top;
    }

    /** In hundredths of a per cent, of the classes that are shown; -1 for NaN. */
    private List<Long> probabilities(Details.Image image) {
        List<Integer> shown = images.classes().size() > MOST_CLASSES
                ? top(image)
                : IntStream.range(0, image.probabilities().length).boxed().toList();
        return shown.stream()
                .map(output -> image.probabilities()[output])
                .map(share -> Double.isNaN(share) ? -1 : Math.round(PERCENT_OF_PERCENT * share))
                .toList();
    }

    private static Number rounded(double value) {
        return Double.isFinite(value) ? Math.round(100 * value) / 100.0 : value;
    }

    /** The images themselves, upright. */
    private Map<String, Object> sheet() throws IOException {
        int channels = images.channels();
        boolean isTransposed = images.isTransposed();
        int width = isTransposed ? images.rows() : images.columns();
        int height = isTransposed ? images.columns() : images.rows();
        int by = SpriteSheet.shrinking(width, height);
        List<byte[]> pixels = new ArrayList<>();
        for (Details.Image shown : details.images()) {
            try (var image = dataset.get(shown.position()).image();
                    var upright = isTransposed ? image.transpose(1, 2) : image.detach()) {
                float[] values = SpriteSheet.shrink(Tensors.toFloats(upright), channels, width, height, by);
                byte[] samples = new byte[values.length];
                int size = values.length / channels;
                for (int i = 0; i < samples.length; i++) {
                    samples[i] = (byte) Math.round(255 * values[i % channels * size + i / channels]);
                }
                pixels.add(samples);
            }
        }
        Map<String, Object> sheet =
                SpriteSheet.of(pixels, SpriteSheet.shrunk(width, by), SpriteSheet.shrunk(height, by), channels);
        // Ink that the page draws in its own colour, dark on light or light on dark.
        sheet.put("isInk", channels == 1 && images.isOnBlack());
        return sheet;
    }

    /** What each place of an image adds to the score of the answer, each image by a scale of its own. */
    private Map<String, Object> evidence() throws IOException {
        int width = images.columns() / MnistCnn.LEAST_SIDE;
        int height = images.rows() / MnistCnn.LEAST_SIDE;
        List<byte[]> maps = new ArrayList<>();
        for (Details.Image image : details.images()) {
            float[] map = image.evidence();
            double most = IntStream.range(0, map.length)
                    .mapToDouble(i -> Math.abs(map[i]))
                    .max()
                    .orElse(1);
            float[] upright = images.isTransposed() ? HiddenUnits.transposed(map, width) : map;
            maps.add(SpriteSheet.signed(upright, Math.max(Float.MIN_NORMAL, most)));
        }
        return images.isTransposed() ? SpriteSheet.of(maps, height, width, 1) : SpriteSheet.of(maps, width, height, 1);
    }
}
