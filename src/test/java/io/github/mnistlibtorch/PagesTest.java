package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the pages name is there: tests, files, headings. */
class PagesTest {
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");
    private static final Pattern SCRIPT = Pattern.compile("\\b(src/(?:bench|fuzz|test)/[\\w-]+\\.sh)\\b");

    static List<Path> pages() throws IOException {
        try (Stream<Path> docs = Files.list(Path.of("docs"))) {
            return Stream.concat(
                            Stream.of("README.md", "CONTRIBUTING.md", "native-config/README.md", "src/bench/NOTES.md")
                                    .map(Path::of),
                            docs.filter(file -> file.toString().endsWith(".md")).sorted())
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyTestAndScriptThatAPageNamesExists(Path page) throws IOException {
        Set<String> files;
        try (Stream<Path> sources = Files.walk(Path.of("src"))) {
            files = sources.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        }
        String text = Files.readString(page, UTF_8);
        assertThat(Pattern.compile("\\b[A-Z]\\w+(Test|IT|Fuzz)\\b")
                        .matcher(text)
                        .results())
                .allSatisfy(name -> assertThat(files).contains(name.group() + ".java"));
        assertThat(SCRIPT.matcher(text).results())
                .allSatisfy(script -> assertThat(Path.of(script.group(1))).isExecutable());
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyLinkLeadsToAFileAndAHeading(Path page) throws IOException {
        for (String link : links(page)) {
            String[] parts = link.split("#", 2);
            Path target =
                    parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
            assertThat(target).as(link).exists();
            if (parts.length == 2) {
                assertThat(anchors(target)).as(link).contains(parts[1]);
            }
        }
    }

    @Test
    void everyPageIsLinkedFromTheReadmeOrFromCONTRIBUTING() throws IOException {
        List<String> links = Stream.concat(
                        links(Path.of("README.md")).stream(), links(Path.of("CONTRIBUTING.md")).stream())
                .map(link -> link.replaceFirst("#.*", ""))
                .toList();
        assertThat(pages())
                .filteredOn(page -> page.startsWith("docs"))
                .allSatisfy(page -> assertThat(links).contains(page.toString().replace('\\', '/')));
    }

    private static List<String> links(Path page) throws IOException {
        return LINK.matcher(Files.readString(page, UTF_8))
                .results()
                .map(link -> link.group(1))
                .filter(link -> !link.startsWith("http"))
                .toList();
    }

    /** As GitHub makes them of headings. */
    private static List<String> anchors(Path page) throws IOException {
        return HEADING.matcher(Files.readString(page, UTF_8))
                .results()
                .map(heading -> heading.group(1)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N} _-]", "")
                        .replace(' ', '-'))
                .toList();
    }
}
