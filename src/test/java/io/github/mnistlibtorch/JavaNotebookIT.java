package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.tutorial.MnistTutorial;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jshell.JShell;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis.Completeness;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The Java notebook is {@link MnistTutorial}, cell by cell. Executes it as its kernels do, in JShell, with the packaged jar; with
 * {@code -Dnotebook=write} the cells and their outputs go into the file.
 */
class JavaNotebookIT {
    private static final Path FILE = Path.of("notebooks-reference/article-java.ipynb");
    private static final Path TUTORIAL = Path.of("src/main/java/io/github/mnistlibtorch/tutorial/MnistTutorial.java");

    private static final String TITLE = """
            # The article in Java

            The twin of [the notebook in Python](article.ipynb): the same cells in the same order, with the same outputs. It runs in any
            Java kernel for Jupyter that is made of JShell and knows the magic `%jars`; the jar must have been built (`mvn package`).

            It is generated from [`MnistTutorial`](../src/main/java/io/github/mnistlibtorch/tutorial/MnistTutorial.java).

            **The order of the cells is part of the result.** Every new model and every pass over a loader, even one that stops after
            the first batch, takes numbers from LibTorch's one random generator. Run the notebook from top to bottom in a fresh kernel.""";

    private static final String METADATA = """
            {"kernelspec": {"display_name": "Java", "language": "java", "name": "java"},
             "language_info": {"file_extension": ".java", "mimetype": "text/x-java-source", "name": "java"}}""";

    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private static ObjectNode notebook;
    private static List<ObjectNode> cells;

    /** What each cell of code has just printed. */
    private static List<String> printed;

    @TempDir
    private static Path folder;

    @BeforeAll
    static void execute() throws IOException {
        notebook = generate();
        cells = notebook.get("cells")
                .valueStream()
                .filter(cell -> cell.get("cell_type").asString().equals("code"))
                .map(ObjectNode.class::cast)
                .toList();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JShell shell = JShell.builder()
                .out(new PrintStream(out, true, UTF_8))
                .remoteVMOptions("-Djava.awt.headless=true")
                .build()) {
            // What every kernel imports by itself.
            eval(shell, "import java.util.*;");
            printed = cells.stream()
                    .map(cell -> {
                        out.reset();
                        eval(shell, source(cell));
                        return out.toString(UTF_8);
                    })
                    .toList();
            if ("write".equals(System.getProperty("notebook"))) {
                write(shell);
            }
        }
    }

    @Test
    void printsWhatTheProgramPrints() {
        Program.Result run = Program.run(folder, "train", "--quiet", "--device", "cpu");
        assertThat(run.exitCode()).isZero();
        assertThat(String.join("", printed).lines()).containsExactlyElementsOf(run.out());
    }

    /** As it was read and written by hand: what is generated has the same cells. */
    @Test
    void theFileHasTheCellsOfTheTutorial() throws IOException {
        JsonNode file = JSON.readTree(Files.readString(FILE, UTF_8));
        assertThat(file.get("cells").valueStream().map(JavaNotebookIT::source))
                .as("MnistTutorial has changed: generate the notebook again with -Dnotebook=write")
                .containsExactlyElementsOf(notebook.get("cells")
                        .valueStream()
                        .map(JavaNotebookIT::source)
                        .toList());
    }

    @Test
    void theOutputsInTheFileAreThoseOfItsCells() throws IOException {
        List<JsonNode> stored = JSON.readTree(Files.readString(FILE, UTF_8))
                .get("cells")
                .valueStream()
                .filter(cell -> cell.get("cell_type").asString().equals("code"))
                .toList();
        for (int i = 0; i < cells.size(); i++) {
            JsonNode cell = stored.get(i);
            assertThat(cell.get("execution_count").asInt()).isEqualTo(i + 1);
            String outputs = cell.get("outputs")
                    .valueStream()
                    .filter(output -> output.get("output_type").asString().equals("stream"))
                    .map(output -> text(output.get("text")))
                    .collect(Collectors.joining());
            assertThat(outputs).as(source(cell)).isEqualTo(printed.get(i));
        }
    }

    @Test
    void hasTheCellsOfThePythonNotebookInTheirOrder() throws IOException {
        JsonNode python = JSON.readTree(Files.readString(FILE.resolveSibling("article.ipynb"), UTF_8));
        assertThat(types(notebook)).isEqualTo(types(python));
    }

    @Test
    void everyLinkedFileExists() {
        Matcher links = Pattern.compile("]\\(([^)]+)\\)").matcher(notebook.toString());
        assertThat(links.results().map(link -> link.group(1)))
                .hasSizeGreaterThan(10)
                .allSatisfy(link -> assertThat(FILE.resolveSibling(link)).isRegularFile());
    }

    /** Without outputs. */
    private static ObjectNode generate() throws IOException {
        String tutorial = Files.readString(TUTORIAL, UTF_8);
        String body =
                tutorial.substring(tutorial.indexOf("// %%") + "// %%".length(), tutorial.lastIndexOf("    }\n}"));
        List<String> imports = tutorial.lines()
                .filter(line -> line.startsWith("import "))
                .collect(Collectors.toCollection(ArrayList::new));
        imports.add("import io.github.mnistlibtorch.tutorial.*;"); // the tutorial's own package
        imports.add("import javax.imageio.ImageIO;");
        ObjectNode generated = JSON.createObjectNode();
        ArrayNode all = generated.putArray("cells");
        addCell(all, "markdown", TITLE);
        String start = "%jars ../target/mnist-libtorch.jar\n\n" + String.join("\n", imports)
                + "\n\nLibTorch.start();\nPath folder = Files.createTempDirectory(\"article\");\n";
        for (String cell : body.split("(?m)^ *// %%", -1)) {
            List<String> lines =
                    ("// " + cell).lines().map(String::stripTrailing).toList();
            long comments = lines.stream()
                    .takeWhile(line -> line.strip().startsWith("//"))
                    .count();
            String text = lines.stream()
                    .limit(comments)
                    .map(line -> line.strip().replaceFirst("^// *", ""))
                    .collect(Collectors.joining("\n"));
            String code = lines.stream()
                    .skip(comments)
                    .map(line -> line.replaceFirst("^ {8}", ""))
                    .collect(Collectors.joining("\n"))
                    .strip();
            Matcher picture =
                    Pattern.compile("folder\\.resolve\\(\"\\w+\\.png\"\\)").matcher(code);
            String shown = picture.find() ? "\nImageIO.read(" + picture.group() + ".toFile())" : "";
            if (!text.isEmpty()) {
                addCell(all, "markdown", linked(text));
            }
            addCell(all, "code", start + code + shown);
            start = "";
        }
        generated.set("metadata", JSON.readTree(METADATA));
        return generated.put("nbformat", 4).put("nbformat_minor", 4);
    }

    private static void addCell(ArrayNode cells, String type, String source) {
        ObjectNode cell = cells.addObject().put("cell_type", type);
        cell.putObject("metadata");
        if (type.equals("code")) {
            cell.putNull("execution_count").putArray("outputs");
        }
        ArrayNode lines = cell.putArray("source");
        String[] all = source.split("(?<=\n)", -1);
        for (String line : all) {
            lines.add(line);
        }
    }

    /** The names of this project's classes become links to their sources. */
    private static String linked(String text) throws IOException {
        Map<String, String> sources = new HashMap<>();
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            files.forEach(file -> sources.put(
                    file.getFileName().toString().replace(".java", ""),
                    file.toString().replace('\\', '/')));
        }
        return Pattern.compile("`([A-Z]\\w+)`")
                .matcher(text)
                .replaceAll(name -> sources.containsKey(name.group(1))
                        ? "[`" + name.group(1) + "`](../" + sources.get(name.group(1)) + ")"
                        : name.group());
    }

    private static List<String> types(JsonNode notebook) {
        return notebook.get("cells")
                .valueStream()
                .map(cell -> cell.get("cell_type").asString())
                .toList();
    }

    private static String source(JsonNode cell) {
        return text(cell.get("source"));
    }

    /** A text, which the format splits into lines. */
    private static String text(JsonNode lines) {
        return lines.valueStream().map(JsonNode::asString).collect(Collectors.joining());
    }

    private static void eval(JShell shell, String cell) {
        String rest = cell;
        if (rest.startsWith("%jars ")) {
            int end = rest.indexOf('\n');
            assertThat(FILE.resolveSibling(rest.substring("%jars ".length(), end))
                            .toAbsolutePath()
                            .normalize())
                    .isEqualTo(Program.JAR);
            shell.addToClasspath(Program.JAR.toString());
            rest = rest.substring(end);
        }
        while (!rest.isBlank()) {
            CompletionInfo next = shell.sourceCodeAnalysis().analyzeCompletion(rest);
            assertThat(next.completeness())
                    .as(rest)
                    .isIn(Completeness.COMPLETE, Completeness.COMPLETE_WITH_SEMI, Completeness.CONSIDERED_INCOMPLETE);
            for (SnippetEvent event : shell.eval(next.source())) {
                List<String> wrong = shell.diagnostics(event.snippet())
                        .map(diagnostic -> diagnostic.getMessage(null))
                        .toList();
                assertThat(wrong).as(next.source()).isEmpty();
                assertThat(event.exception()).as(next.source()).isNull();
            }
            rest = next.remaining();
        }
    }

    private static void write(JShell shell) throws IOException {
        String pictures = shell.eval("folder.toString()").get(0).value().replace("\"", "");
        Pattern shown = Pattern.compile("ImageIO\\.read\\(folder\\.resolve\\(\"(.*)\"\\)\\.toFile\\(\\)\\)\\s*$");
        for (int i = 0; i < cells.size(); i++) {
            ObjectNode cell = cells.get(i);
            ArrayNode outputs = cell.put("execution_count", i + 1).putArray("outputs");
            if (!printed.get(i).isEmpty()) {
                ArrayNode lines = outputs.addObject()
                        .put("name", "stdout")
                        .put("output_type", "stream")
                        .putArray("text");
                printed.get(i).lines().forEach(line -> lines.add(line + "\n"));
            }
            Matcher picture = shown.matcher(source(cell));
            if (picture.find()) {
                byte[] png = Files.readAllBytes(Path.of(pictures, picture.group(1)));
                outputs.addObject()
                        .put("output_type", "display_data")
                        .putPOJO("metadata", Map.of())
                        .putObject("data")
                        .put("image/png", Base64.getEncoder().encodeToString(png));
            }
        }
        Files.writeString(FILE, JSON.writeValueAsString(notebook) + "\n", UTF_8);
    }
}
