package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The table of imports in docs/library.md: complete, and right. */
class ImportsTest {
    /** The packages of the JDK that programs like these import from. */
    private static final List<String> JDK = List.of(
            "java.lang",
            "java.util",
            "java.util.concurrent",
            "java.util.function",
            "java.util.stream",
            "java.io",
            "java.net",
            "java.nio.file");

    private static final Pattern ROW = Pattern.compile("(?m)^\\| `(\\w+)` \\| in `[\\w.]+` \\| `([\\w.]+)` \\|$");

    /** Name and import, as the page has them. */
    private static Map<String, String> table;

    /** The public names of the presets. */
    private static Set<String> presets;

    /** The public names of this project and the JDK, with the packages that have them. */
    private static final Map<String, Set<String>> OTHERS = new TreeMap<>();

    @TempDir
    private Path folder;

    @BeforeAll
    static void read() throws IOException, URISyntaxException, ReflectiveOperationException {
        String page = Files.readString(Path.of("docs/library.md"), UTF_8);
        table = ROW.matcher(page).results().collect(toMap(row -> row.group(1), row -> row.group(2)));
        presets = publicNames(location(Tensor.class), "org/bytedeco/pytorch/");
        for (String name : presets) {
            for (String jdk : JDK) {
                if (isPublic(jdk + "." + name)) {
                    OTHERS.computeIfAbsent(name, key -> new TreeSet<>()).add(jdk);
                }
            }
        }
        Path classes = location(Main.class);
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file :
                    files.filter(file -> file.toString().endsWith(".class")).toList()) {
                String name = classes.relativize(file).toString().replaceFirst("\\.class$", "");
                String type = name.replace('/', '.').replace('\\', '.');
                if (!type.contains("$") && isPublic(type)) {
                    int dot = type.lastIndexOf('.');
                    OTHERS.computeIfAbsent(type.substring(dot + 1), key -> new TreeSet<>())
                            .add(type.substring(0, dot));
                }
            }
        }
    }

    @Test
    void theTableHasEveryNameThatIsOnBothSides() {
        Set<String> both = new TreeSet<>(OTHERS.keySet());
        both.retainAll(presets);
        assertThat(table.keySet()).containsExactlyInAnyOrderElementsOf(both);
    }

    @Test
    void withTheImportsOfTheTableTheNamesAreUsed() throws IOException {
        assertThat(compile(table.values())).isEmpty();
    }

    @Test
    void withoutThemNoneIs() throws IOException {
        assertThat(compile(List.of()))
                .contains(table.keySet().stream()
                        .map(name -> "compiler.err.ref.ambiguous: " + name + ",")
                        .toList());
    }

    /** What the compiler says of a class that imports everything, some names by their full ones, and has a field of each type in the table. */
    private String compile(Collection<String> imports) throws IOException {
        Set<String> packages = new HashSet<>(Set.of("org.bytedeco.pytorch"));
        table.keySet().forEach(name -> packages.addAll(OTHERS.getOrDefault(name, Set.of())));
        String source =
                packages.stream().map(name -> "import " + name + ".*;\n").collect(joining())
                        + imports.stream().map(name -> "import " + name + ";\n").collect(joining())
                        + "@SuppressWarnings(\"rawtypes\") class Everything {\n"
                        + table.keySet().stream()
                                .map(name -> "    " + name + " a" + name + ";\n")
                                .collect(joining())
                        + "}\n";
        Path file = Files.writeString(folder.resolve("Everything.java"), source);
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        null,
                        errors,
                        "-proc:none",
                        "-XDrawDiagnostics", // the same in every language
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-d",
                        folder.toString(),
                        file.toString());
        return errors.toString(UTF_8);
    }

    private static Set<String> publicNames(Path jar, String folder) throws IOException, ReflectiveOperationException {
        Set<String> names = new TreeSet<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            for (String entry : file.stream().map(Object::toString).toList()) {
                if (entry.matches(Pattern.quote(folder) + "\\w+\\.class")) {
                    String name = entry.substring(folder.length(), entry.length() - ".class".length());
                    if (isPublic(folder.replace('/', '.') + name)) {
                        names.add(name);
                    }
                }
            }
        }
        return names;
    }

    private static boolean isPublic(String type) {
        try {
            return Modifier.isPublic(Class.forName(type, false, ImportsTest.class.getClassLoader())
                    .getModifiers());
        } catch (ClassNotFoundException | NoClassDefFoundError e) {
            return false; // none of that name; or, on a system that ignores case, one that is spelled otherwise
        }
    }

    private static Path location(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }
}
