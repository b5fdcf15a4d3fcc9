package io.github.mnistlibtorch.app.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.vision.Png;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A run as one page for a browser, with everything in it: no other file, no network, no program.
 *
 * @param configuration of the run, by name
 * @param environment that it ran in, by name
 * @param schedule learning rate of each epoch
 * @param history the evaluation before training and after each epoch
 * @param dataset what was predicted: the held-out images
 * @param predictions of them
 * @param images what they are
 * @param pictures PNG files, by what they show
 * @param command that runs it again
 */
record Report(
        Map<String, String> configuration,
        Map<String, Object> environment,
        List<Phase> schedule,
        List<EpochResult> history,
        Dataset<LabeledImage> dataset,
        Predictions predictions,
        ImageSpec images,
        Map<String, Path> pictures,
        String command) {
    private static final int SAMPLES = 24;

    /** Mustache's {@code {{#rows}}...{{/rows}}}, repeated for each row, and {@code {{value}}}. */
    private static final Pattern TAG =
            Pattern.compile("\\{\\{#(\\w+)}}(.*?)\\{\\{/\\1}}|\\{\\{(\\w+)}}", Pattern.DOTALL);

    /**
     * Writes the page.
     *
     * @param html replaced or created, whole or not at all; its folder must exist
     * @throws IOException if an image cannot be read or the file cannot be written
     */
    void write(Path html) throws IOException {
        try (InputStream template = requireNonNull(Report.class.getResourceAsStream("/report/report.html"))) {
            String page = render(new String(template.readAllBytes(), UTF_8), values());
            AtomicFile.write(html, out -> out.write(page.getBytes(UTF_8)));
        }
    }

    @SuppressWarnings("unchecked") // what is no value in the template is rows
    private static String render(String template, Map<String, ?> values) {
        return TAG.matcher(template)
                .replaceAll(tag -> Matcher.quoteReplacement(
                        tag.group(1) == null
                                ? escaped(
                                        requireNonNull(values.get(tag.group(3))).toString())
                                : ((List<Map<String, ?>>) requireNonNull(values.get(tag.group(1))))
                                        .stream()
                                                .map(row -> render(tag.group(2), row))
                                                .collect(Collectors.joining())));
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    private Map<String, Object> values() throws IOException {
        EpochResult last = history.get(history.size() - 1);
        Map<String, Object> values = new HashMap<>();
        values.put("correct", format("%,d", predictions.correctCount()));
        values.put("size", format("%,d", predictions.size()));
        values.put("share", format("%.2f", 100.0 * predictions.correctCount() / predictions.size()));
        values.put("valAcc", PythonRepr.fixed(last.valAcc(), 4));
        values.put("valLoss", PythonRepr.fixed(last.valLoss(), 4));
        values.put("history", epochs());
        values.put("pictures", files());
        values.put("digits", digits());
        values.put("samples", samples());
        values.put("configuration", rows(configuration));
        values.put("environment", rows(environment));
        values.put("command", command);
        values.put("word", images.areDigits() ? "digit" : "class");
        values.put("Word", images.areDigits() ? "Digit" : "Class");
        return values;
    }

    private List<Map<String, ?>> epochs() {
        List<Double> rates = schedule.stream()
                .flatMap(phase -> Collections.nCopies(phase.epochs(), phase.lr()).stream())
                .toList();
        List<Map<String, ?>> rows = new ArrayList<>();
        for (EpochResult result : history) {
            int epoch = rows.size();
            rows.add(Map.of(
                    "epoch",
                    epoch == 0 ? "before" : epoch,
                    "lr",
                    epoch == 0 ? "" : PythonRepr.repr(rates.get(epoch - 1)),
                    "valLoss",
                    PythonRepr.fixed(result.valLoss(), 4),
                    "valAcc",
                    PythonRepr.fixed(result.valAcc(), 4)));
        }
        return rows;
    }

    private List<Map<String, ?>> files() throws IOException {
        List<Map<String, ?>> rows = new ArrayList<>();
        for (Map.Entry<String, Path> picture : pictures.entrySet()) {
            if (Files.exists(picture.getValue())) { // those with text are not drawn without fonts
                rows.add(Map.of("name", picture.getKey(), "png", base64(Files.readAllBytes(picture.getValue()))));
            }
        }
        return rows;
    }

    private List<Map<String, ?>> digits() {
        int[][] confusion = predictions.confusion();
        List<Map<String, ?>> rows = new ArrayList<>();
        for (int i = 0; i < confusion.length; i++) {
            int size = Arrays.stream(confusion[i]).sum();
            int correct = confusion[i][i];
            String share = size == 0 ? "" : format("%.1f %%", 100.0 * correct / size);
            rows.add(Map.of("digit", name(i), "size", size, "correct", correct, "share", share));
        }
        return rows;
    }

    private List<Map<String, ?>> samples() throws IOException {
        List<Map<String, ?>> rows = new ArrayList<>();
        for (int i = 0; i < Math.min(SAMPLES, predictions.size()); i++) {
            int label = predictions.labels()[i];
            int answer = predictions.predictedLabels()[i];
            rows.add(Map.of(
                    "label",
                    (images.areDigits() ? "a handwritten " : "") + name(label),
                    "png",
                    base64(png(dataset.get(i))),
                    "class",
                    label == answer ? "right" : "wrong",
                    "answer",
                    label == answer ? name(answer) : name(label) + ", not " + name(answer),
                    "probability",
                    format("%.1f", 100 * predictions.probabilities()[i])));
        }
        return rows;
    }

    private String name(int label) {
        return images.classes().get(label);
    }

    private static List<Map<String, ?>> rows(Map<String, ?> facts) {
        return facts.entrySet().stream()
                .<Map<String, ?>>map(fact -> Map.of("name", fact.getKey(), "value", String.valueOf(fact.getValue())))
                .toList();
    }

    /** Grey dark on light, as ink on paper; colours as they are. */
    private byte[] png(LabeledImage example) throws IOException {
        try (var image = example.image()) {
            float[] values = Tensors.toFloats(image);
            int channels = images.channels();
            int pixels = values.length / channels;
            byte[] samples = new byte[values.length];
            for (int i = 0; i < samples.length; i++) {
                float value = values[i % channels * pixels + i / channels];
                samples[i] = (byte) Math.round(255 * (channels == 1 ? 1 - value : value));
            }
            ByteArrayOutputStream png = new ByteArrayOutputStream();
            Png.write(samples, images.columns(), images.rows(), channels, png);
            return png.toByteArray();
        }
    }

    private static String base64(byte[] png) {
        return Base64.getEncoder().encodeToString(png);
    }

    private static String format(String format, Object value) {
        return String.format(Locale.ROOT, format, value);
    }
}
