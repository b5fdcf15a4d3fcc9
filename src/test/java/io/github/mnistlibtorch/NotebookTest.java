package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The Python notebook as it is kept: executed, with the outputs of the recorded run, and without a trace of a machine. */
class NotebookTest {
    private static final Path FOLDER = Path.of("notebooks-reference");

    private static JsonNode notebook;
    private static String articlePy;

    @BeforeAll
    static void read() throws IOException {
        notebook = JsonMapper.builder().build().readTree(Files.readString(FOLDER.resolve("article.ipynb"), UTF_8));
        articlePy = Files.readString(FOLDER.resolve("article.py"), UTF_8);
    }

    @Test
    void everyCellRanInOrderWithoutErrorsAndWarnings() {
        List<JsonNode> cells = cells("code");
        assertThat(cells.stream().map(cell -> cell.get("execution_count").asInt()))
                .isNotEmpty()
                .containsExactlyElementsOf(
                        IntStream.rangeClosed(1, cells.size()).boxed().toList());
        for (JsonNode output : outputs()) {
            assertThat(output.get("output_type").asString()).isNotEqualTo("error");
            assertThat(output.path("name").asString("stdout"))
                    .as("stream of %s (a download? then execute once more)", output)
                    .isEqualTo("stdout");
        }
    }

    @Test
    void printsTheRecordedRunLineForLine() throws IOException {
        Trace trace = TraceFile.read(Path.of("test-data/article-seed42-float32.json.gz"));
        List<String> expected = new ArrayList<>(List.of(
                "(50000, 10000)",
                "images.shape: torch.Size([128, 1, 28, 28])",
                "torch.Size([32, 784])",
                "torch.Size([32])",
                "torch.Size([10, 32])",
                "torch.Size([10])",
                "device(type='cpu')",
                "torch.Size([128, 1, 28, 28])",
                "cpu",
                "[" + new EpochResult(trace.before().valLoss(), trace.before().valAcc()) + "]"));
        trace.epochs().forEach(epoch -> expected.add(epoch.line()));
        expected.add("val_acc: " + PythonRepr.fixed(trace.epochs().get(9).valAcc(), 4));

        StringBuilder printed = new StringBuilder();
        for (JsonNode output : outputs()) {
            switch (output.get("output_type").asString()) {
                case "stream" -> printed.append(text(output.get("text")));
                case "execute_result" ->
                    printed.append(text(output.get("data").get("text/plain"))).append('\n');
                default -> {
                    // pictures and shown definitions
                }
            }
        }
        assertThat(printed.toString().lines()).containsExactlyElementsOf(expected);
    }

    @Test
    void definesNothingThatArticlePyDefines() {
        List<String> names = Pattern.compile("(?m)^\\s*(?:class|def) (\\w+)|^([A-Z]\\w*) =")
                .matcher(articlePy)
                .results()
                .map(match -> match.group(1) != null ? match.group(1) : match.group(2))
                .toList();
        assertThat(names).contains("accuracy", "MnistModel", "forward", "to_device", "fit", "INPUT_SIZE");
        for (JsonNode cell : cells("code")) {
            String source = text(cell.get("source"));
            assertThat(source).doesNotContainPattern("(?m)^\\s*class ");
            for (String name : names) {
                assertThat(source)
                        .doesNotContainPattern("(?m)^\\s*def " + name + "\\b")
                        .doesNotContainPattern("(?m)^" + name + "\\s*=");
            }
        }
    }

    @Test
    void showsEveryDefinitionAsItIsInArticlePy() {
        List<String> shown = outputs().stream()
                .map(output -> output.path("data").path("text/markdown"))
                .filter(markdown -> !markdown.isMissingNode())
                .map(markdown -> text(markdown).replaceFirst("^```python\n", "").replaceFirst("```$", ""))
                .toList();
        assertThat(shown)
                .allSatisfy(source -> assertThat(articlePy)
                        .as("article.py; the notebook has an older one: execute it again")
                        .contains(source));
        assertThat(Pattern.compile("(?m)^(?:class|def) \\w+").matcher(articlePy).results())
                .allSatisfy(match -> assertThat(shown).anyMatch(source -> source.contains(match.group())));
    }

    @Test
    void everyLinkedFileExists() {
        List<String> links = cells("markdown").stream()
                .flatMap(cell -> Pattern.compile("]\\(([^)]+)\\)")
                        .matcher(text(cell.get("source")))
                        .results()
                        .map(match -> match.group(1)))
                .toList();
        assertThat(links).isNotEmpty();
        assertThat(links).allSatisfy(link -> assertThat(FOLDER.resolve(link)).isRegularFile());
    }

    @Test
    void holdsNoAbsolutePath() {
        List<String> texts = new ArrayList<>();
        collect(notebook, texts);
        assertThat(texts)
                .isNotEmpty()
                .allSatisfy(text -> assertThat(text)
                        .doesNotContainPattern("/(tmp|home|root|Users|usr|opt|var)\\b")
                        .doesNotContainPattern("\\b[A-Za-z]:\\\\"));
    }

    private static List<JsonNode> cells(String type) {
        return notebook.get("cells")
                .valueStream()
                .filter(cell -> cell.get("cell_type").asString().equals(type))
                .toList();
    }

    private static List<JsonNode> outputs() {
        return cells("code").stream()
                .flatMap(cell -> cell.get("outputs").valueStream())
                .toList();
    }

    /** A text, which the format may split into a list of lines. */
    private static String text(JsonNode node) {
        List<String> lines = new ArrayList<>();
        collect(node, lines);
        return String.join("", lines);
    }

    /** Every text of the file but pictures, whose base64 may look like anything. */
    private static void collect(JsonNode node, List<String> texts) {
        if (node.isString()) {
            texts.add(node.asString());
        } else if (node.isObject()) {
            node.properties().stream()
                    .filter(property -> !property.getKey().startsWith("image/"))
                    .forEach(property -> collect(property.getValue(), texts));
        } else {
            node.forEach(element -> collect(element, texts));
        }
    }
}
