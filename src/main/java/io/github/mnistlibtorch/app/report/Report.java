package io.github.mnistlibtorch.app.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.torch.data.Dataset;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.vision.Png;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A run as one page for a browser, with everything in it: no other file, no network, no program. */
public final class Report {
    private static final int SAMPLES = 24;

    private static final String STYLE = """
            :root { color-scheme: light dark; --ink: #1f2328; --faint: #59636e; --line: #d1d9e0; --ground: #ffffff; --good: #0072b2; --bad: #b34700; }
            @media (prefers-color-scheme: dark) {
              :root { --ink: #e6edf3; --faint: #9198a1; --line: #3d444d; --ground: #0d1117; --good: #6cb6e8; --bad: #f0a060; }
            }
            body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
            h1 { font-size: 1.6rem; line-height: 1.25; } h2 { margin-top: 2rem; font-size: 1.2rem; border-bottom: 1px solid var(--line); }
            p.result { font-size: 1.2rem; } .faint { color: var(--faint); }
            .wide { overflow-x: auto; }
            table { border-collapse: collapse; } th, td { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
            td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } td.text { overflow-wrap: anywhere; }
            img.picture { display: block; max-width: min(100%, 42rem); height: auto; margin: 1rem 0; background: #fff; border-radius: 4px; }
            ul.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: .8rem; padding: 0; list-style: none; }
            ul.samples img { display: block; width: 56px; height: 56px; image-rendering: pixelated; }
            .right { color: var(--good); } .wrong { color: var(--bad); font-weight: 600; }
            pre { padding: .6rem; white-space: pre-wrap; border: 1px solid var(--line); border-radius: 4px; }
            """;

    private final StringBuilder page = new StringBuilder();

    private Report() {}

    /**
     * What a report tells.
     *
     * @param configuration of the run, by name
     * @param environment that it ran in, by name
     * @param schedule learning rate of each epoch
     * @param history the evaluation before training and after each epoch
     * @param dataset what was predicted: the held-out pictures, of one channel
     * @param predictions of them
     * @param pictures PNG files, by what they show
     * @param command that runs it again
     */
    public record Content(
            Map<String, String> configuration,
            Map<String, Object> environment,
            List<Phase> schedule,
            List<EpochResult> history,
            Dataset<LabeledImage> dataset,
            Predictions predictions,
            Map<String, Path> pictures,
            String command) {}

    /**
     * Writes a report.
     *
     * @param html replaced or created, whole or not at all; its folder must exist
     * @throws IOException if a picture cannot be read or the file cannot be written
     */
    public static void write(Path html, Content content) throws IOException {
        String text = new Report().of(content);
        AtomicFile.write(html, out -> out.write(text.getBytes(UTF_8)));
    }

    private String of(Content content) throws IOException {
        Predictions predictions = content.predictions;
        page.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        // A browser then loads nothing, whatever the page says.
        page.append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:;")
                .append(" style-src 'unsafe-inline'\">\n");
        page.append("<title>mnist-libtorch: a run</title>\n<style>\n")
                .append(STYLE)
                .append("</style>\n</head>\n");
        page.append("<body>\n<main>\n<h1>Training a feed-forward network on MNIST-shaped pictures</h1>\n");
        EpochResult last = content.history.get(content.history.size() - 1);
        page.append(String.format(
                Locale.ROOT,
                "<p class=\"result\">%,d of %,d held-out pictures are recognized (%.2f %%).</p>\n",
                predictions.correctCount(),
                predictions.size(),
                100.0 * predictions.correctCount() / predictions.size()));
        page.append("<p class=\"faint\">As the notebook counts, the mean over batches: val_acc: ")
                .append(PythonRepr.fixed(last.valAcc(), 4))
                .append(", val_loss: ")
                .append(PythonRepr.fixed(last.valLoss(), 4))
                .append("</p>\n");
        history(content);
        for (Map.Entry<String, Path> picture : content.pictures.entrySet()) {
            heading(picture.getKey());
            page.append("<img class=\"picture\" alt=\"")
                    .append(escaped(picture.getKey()))
                    .append("\" src=\"")
                    .append(dataUri(Files.readAllBytes(picture.getValue())))
                    .append("\">\n");
        }
        perClass(predictions);
        samples(content.dataset, predictions);
        table("Configuration", content.configuration);
        table("Environment", content.environment);
        heading("Run it again");
        page.append("<pre>").append(escaped(content.command)).append("</pre>\n");
        return page.append("</main>\n</body>\n</html>\n").toString();
    }

    private void heading(String text) {
        page.append("<h2>").append(escaped(text)).append("</h2>\n");
    }

    private void history(Content content) {
        heading("History");
        page.append("<div class=\"wide\"><table>\n<tr><th class=\"number\" scope=\"col\">epoch</th>");
        page.append(
                "<th class=\"number\" scope=\"col\">learning rate</th><th class=\"number\" scope=\"col\">val_loss</th>");
        page.append("<th class=\"number\" scope=\"col\">val_acc</th></tr>\n");
        List<Double> rates = content.schedule.stream()
                .flatMap(phase -> Collections.nCopies(phase.epochs(), phase.lr()).stream())
                .toList();
        for (int i = 0; i < content.history.size(); i++) {
            EpochResult result = content.history.get(i);
            page.append("<tr>");
            cell(i == 0 ? "before" : Integer.toString(i));
            cell(i == 0 ? "" : PythonRepr.repr(rates.get(i - 1)));
            cell(PythonRepr.fixed(result.valLoss(), 4));
            cell(PythonRepr.fixed(result.valAcc(), 4));
            page.append("</tr>\n");
        }
        page.append("</table></div>\n");
    }

    private void perClass(Predictions predictions) {
        heading("Digit by digit");
        page.append("<div class=\"wide\"><table>\n<tr><th class=\"number\" scope=\"col\">digit</th>");
        page.append(
                "<th class=\"number\" scope=\"col\">pictures</th><th class=\"number\" scope=\"col\">recognized</th>");
        page.append("<th class=\"number\" scope=\"col\">share</th></tr>\n");
        int[][] confusion = predictions.confusion();
        for (int i = 0; i < confusion.length; i++) {
            int all = Arrays.stream(confusion[i]).sum();
            page.append("<tr>");
            cell(Integer.toString(i));
            cell(Integer.toString(all));
            cell(Integer.toString(confusion[i][i]));
            cell(all == 0 ? "" : String.format(Locale.ROOT, "%.1f %%", 100.0 * confusion[i][i] / all));
            page.append("</tr>\n");
        }
        page.append("</table></div>\n");
    }

    private void samples(Dataset<LabeledImage> dataset, Predictions predictions) throws IOException {
        heading("The first held-out pictures");
        page.append("<ul class=\"samples\">\n");
        for (int i = 0; i < Math.min(SAMPLES, predictions.size()); i++) {
            int label = predictions.labels()[i];
            int answer = predictions.predictedLabels()[i];
            page.append("<li><img width=\"56\" height=\"56\" alt=\"a handwritten ")
                    .append(label)
                    .append("\" src=\"")
                    .append(dataUri(picture(dataset.get(i))))
                    .append("\"><span class=\"")
                    .append(label == answer ? "right" : "wrong")
                    .append("\">")
                    .append(label == answer ? answer : label + ", not " + answer)
                    .append("</span> <span class=\"faint\">")
                    .append(String.format(
                            Locale.ROOT, "%.1f\u00a0%%", 100 * predictions.probabilities()[i]))
                    .append("</span></li>\n");
        }
        page.append("</ul>\n");
    }

    private void table(String title, Map<String, ?> facts) {
        heading(title);
        page.append("<div class=\"wide\"><table>\n");
        facts.forEach((name, value) -> page.append("<tr><th scope=\"row\">")
                .append(escaped(name))
                .append("</th><td class=\"text\">")
                .append(escaped(String.valueOf(value)))
                .append("</td></tr>\n"));
        page.append("</table></div>\n");
    }

    private void cell(String text) {
        page.append("<td class=\"number\">").append(text).append("</td>");
    }

    /** Dark on light, as ink on paper. */
    private static byte[] picture(LabeledImage example) throws IOException {
        try (var image = example.image()) {
            float[][] values = ImageGridPlot.values(image, (int) image.size(-2), (int) image.size(-1));
            byte[] samples = new byte[values.length * values[0].length];
            for (int i = 0; i < samples.length; i++) {
                samples[i] = (byte) Math.round(255 * (1 - values[i / values[0].length][i % values[0].length]));
            }
            ByteArrayOutputStream png = new ByteArrayOutputStream();
            Png.write(samples, values[0].length, values.length, /* channels= */ 1, png);
            return png.toByteArray();
        }
    }

    private static String dataUri(byte[] png) {
        return "data:image/png;base64," + Base64.getEncoder().encodeToString(png);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
