package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** What is delivered: the runnable jar with its licences, its list of contents (SBOM) and its dates, and the library. */
class DeliveryIT {
    private static final String SBOM = "META-INF/sbom/mnist-libtorch.cdx.json";
    private static final Path LIBRARY = Path.of(System.getProperty("library"));
    private static final LocalDateTime BUILT =
            OffsetDateTime.parse(System.getProperty("built")).toLocalDateTime();

    private static JarFile jar;
    private static JarFile library;
    private static JsonNode sbom;
    /** The files of the components that the SBOM lists. */
    private static final Map<JsonNode, JarFile> COMPONENTS = new LinkedHashMap<>();

    @BeforeAll
    static void open() throws IOException {
        jar = new JarFile(Program.JAR.toFile());
        library = new JarFile(LIBRARY.toFile());
        sbom = new ObjectMapper().readTree(text(jar, SBOM));
        Map<String, File> classPath = new HashMap<>();
        for (String element : System.getProperty("java.class.path").split(File.pathSeparator)) {
            classPath.put(new File(element).getName(), new File(element));
        }
        for (JsonNode component : sbom.get("components")) {
            String classifier = component
                    .get("purl")
                    .asString()
                    .replaceFirst("[^?]*\\?(classifier=([^&]+)&)?type=jar", "-$2")
                    .replaceFirst("^-$", "");
            String name = component.get("name").asString() + "-"
                    + component.get("version").asString() + classifier + ".jar";
            assertThat(classPath).containsKey(name);
            COMPONENTS.put(component, new JarFile(classPath.get(name)));
        }
    }

    @AfterAll
    static void close() throws IOException {
        jar.close();
        library.close();
        for (JarFile file : COMPONENTS.values()) {
            file.close();
        }
    }

    /** The titles that these texts are known by. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    LibTorch.txt               | From PyTorch: Copyright (c) 2016- Facebook, Inc (Adam Paszke)
                    LibTorch-third-parties.txt | third_party/gloo
                    LibTorch-third-parties.txt | third_party/ideep/mkl-dnn
                    LibTorch-third-parties.txt | third_party/XNNPACK
                    OpenBLAS.txt               | The OpenBLAS Project All rights reserved.
                    OpenBLAS.txt               | The University of Tennessee
                    GPL-3.0.txt                | GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007
                    GCC-exception-3.1.txt      | GCC RUNTIME LIBRARY EXCEPTION Version 3.1, 31 March 2009
                    LGPL-2.1.txt               | GNU LESSER GENERAL PUBLIC LICENSE Version 2.1, February 1999
                    CC-BY-SA-3.0.txt           | Attribution-ShareAlike 3.0 Unported
                    Netty.txt                  | Webbit
                    """)
    void theLicencesOfWhatIsInItAreInTheJar(String file, String words) throws IOException {
        assertThat(words(text(jar, "META-INF/licenses/" + file))).contains(words);
    }

    @Test
    void licenceAndNoticeAreTheProjectsOwn() throws IOException {
        for (String file : List.of("LICENSE", "NOTICE")) {
            String expected = Files.readString(Path.of(file), UTF_8);
            assertThat(text(jar, "META-INF/" + file)).isEqualTo(expected);
            assertThat(text(library, "META-INF/" + file)).isEqualTo(expected);
        }
    }

    @Test
    void theNoticeNamesEveryLicenceFileAndNothingElse() throws IOException {
        Set<String> named = Pattern.compile("[\\w.-]+\\.txt")
                .matcher(text(jar, "META-INF/NOTICE").replace("jackson-*-NOTICE.txt", ""))
                .results()
                .map(MatchResult::group)
                .collect(Collectors.toSet());
        Set<String> there = jar.stream()
                .map(ZipEntry::getName)
                .filter(name -> name.matches("META-INF/licenses/.+(?<!-NOTICE\\.txt)"))
                .map(name -> name.substring(name.lastIndexOf('/') + 1))
                .collect(Collectors.toSet());
        assertThat(named).isEqualTo(there);
    }

    /** A library that comes with a later version of the presets has to be looked at. */
    @Test
    void theNoticeNamesEveryNativeLibrary() throws IOException {
        Set<String> libraries = jar.stream()
                .map(ZipEntry::getName)
                .filter(name -> name.matches(".*\\.(so|dll|dylib)[.0-9]*"))
                .map(name -> name.substring(name.lastIndexOf('/') + 1).replaceFirst("[._].*", ""))
                .filter(name -> !name.matches("(lib)?jni.*|api-ms-win-.*"))
                .collect(Collectors.toSet());
        assertThat(libraries).isNotEmpty();
        assertThat(text(jar, "META-INF/NOTICE")).contains(libraries);
    }

    @Test
    void whatTheDependenciesSayOfTheirLicencesIsInTheJar() throws IOException {
        int compared = 0;
        for (Map.Entry<JsonNode, JarFile> component : COMPONENTS.entrySet()) {
            JarFile file = component.getValue();
            String name = component.getKey().get("name").asString();
            for (String entry : names(file)) {
                if (entry.matches("META-INF/[^/]*(LICENSE|NOTICE)[^/]*")) {
                    String kept = entry.replace("META-INF/NOTICE", "META-INF/licenses/" + name + "-NOTICE.txt");
                    assertThat(words(text(jar, kept)))
                            .as("%s of %s", entry, name)
                            .isEqualTo(words(text(file, entry)));
                    compared++;
                }
            }
        }
        assertThat(compared)
                .as("three parts of Jackson with two each, and three more")
                .isEqualTo(9);
    }

    @Test
    void theSbomNamesEachComponentWithVersionAndChecksum() throws IOException, NoSuchAlgorithmException {
        for (Map.Entry<JsonNode, JarFile> component : COMPONENTS.entrySet()) {
            byte[] content = Files.readAllBytes(Path.of(component.getValue().getName()));
            String checksum = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(content));
            List<String> listed = new ArrayList<>();
            for (JsonNode hash : component.getKey().get("hashes")) {
                if (hash.get("alg").asString().equals("SHA-256")) {
                    listed.add(hash.get("content").asString());
                }
            }
            assertThat(listed).as(component.getValue().getName()).containsExactly(checksum);
        }
        assertThat(COMPONENTS.keySet())
                .extracting(component -> component.get("purl").asString())
                .anyMatch(purl -> purl.matches("pkg:maven/org.bytedeco/pytorch@2\\.[^?]*\\?classifier=.*"))
                .anyMatch(purl -> purl.matches("pkg:maven/org.bytedeco/openblas@0\\.[^?]*\\?classifier=.*"))
                .anyMatch(purl -> purl.matches("pkg:maven/org.bytedeco/javacpp@1\\.[^?]*\\?classifier=.*"));
    }

    /** CONTRIBUTING has the command that adds what is new. */
    @Test
    void everyComponentIsHeldToARecordedChecksum() throws IOException {
        Path recorded = Path.of(".mvn/checksums/checksums.sha256");
        String checksums = Files.readString(recorded, UTF_8);
        for (Map.Entry<JsonNode, JarFile> component : COMPONENTS.entrySet()) {
            String file = Path.of(component.getValue().getName()).getFileName().toString();
            for (JsonNode hash : component.getKey().get("hashes")) {
                if (hash.get("alg").asString().equals("SHA-256")) {
                    assertThat(checksums)
                            .as("%s in %s", file, recorded)
                            .containsPattern(hash.get("content").asString() + "  \\S*/" + Pattern.quote(file) + "\\R");
                }
            }
        }
    }

    /** And has the date that it has there, so that the day of the build does not show. */
    @Test
    void everyFileOfTheJarIsTheProjectsOrFromAComponentOfTheSbom() {
        Map<String, Set<LocalDateTime>> known = new HashMap<>();
        for (String name : names(library)) {
            assertThat(library.getEntry(name).getTimeLocal()).as(name).isEqualTo(BUILT);
            known.computeIfAbsent(name, key -> new HashSet<>()).add(BUILT);
        }
        for (JarFile file : COMPONENTS.values()) {
            for (String name : names(file)) {
                known.computeIfAbsent(name, key -> new HashSet<>())
                        .add(file.getEntry(name).getTimeLocal());
            }
        }
        Set<LocalDateTime> dates = known.values().stream().flatMap(Set::stream).collect(Collectors.toSet());
        for (String name : names(jar)) {
            assertThat(known).containsKey(name);
            // A folder has the date of one of its files, a list of services that of one of those that it is made of.
            assertThat(name.endsWith("/") || name.startsWith("META-INF/services/") ? dates : known.get(name))
                    .as(name)
                    .contains(jar.getEntry(name).getTimeLocal());
        }
    }

    @Test
    void theSbomSaysNothingOfTheDay() {
        assertThat(sbom.has("serialNumber")).isFalse();
        JsonNode timestamp = sbom.get("metadata").get("timestamp");
        if (timestamp != null) {
            assertThat(OffsetDateTime.parse(timestamp.asString()).toLocalDateTime())
                    .isEqualTo(BUILT);
        }
    }

    @Test
    void theLibraryIsTheProjectAlone() throws IOException {
        assertThat(names(library))
                .allMatch(name ->
                        name.matches("(io/(github/(mnistlibtorch/.*)?)?|mnist/.*|report/.*|serve/.*|META-INF/.*)"))
                .noneMatch(name -> name.matches(".*\\.(so|dll|dylib)[.0-9]*"));
        assertThat(Files.size(LIBRARY)).isLessThan(13_000_000);
        assertThat(names(jar)).containsAll(names(library));
    }

    @Test
    void theLibraryIsAModule() {
        assertThat(ModuleFinder.of(LIBRARY).find("io.github.mnistlibtorch")).isPresent();
    }

    private static List<String> names(JarFile file) {
        return file.stream().map(ZipEntry::getName).toList();
    }

    private static String text(JarFile file, String name) throws IOException {
        ZipEntry entry = file.getEntry(name);
        assertThat(entry).as("%s in %s", name, file.getName()).isNotNull();
        try (InputStream in = file.getInputStream(entry)) {
            return new String(in.readAllBytes(), UTF_8);
        }
    }

    /** A text without its line breaks. */
    private static String words(String text) {
        return text.strip().replaceAll("\\s+", " ");
    }
}
