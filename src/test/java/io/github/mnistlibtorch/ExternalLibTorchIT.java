package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The packaged jar on the LibTorch of an installed Python, and on folders that are none. */
@Tag("parity")
@EnabledIfEnvironmentVariable(
        named = "PYTHON_WITH_TORCH",
        matches = ".+",
        disabledReason = "PYTHON_WITH_TORCH names no Python with torch")
class ExternalLibTorchIT {
    private static final String PYTHON = System.getenv().getOrDefault("PYTHON_WITH_TORCH", "");

    /** What is unpacked of the jar: 30 MB instead of 430. */
    private static final long MOST_BYTES = 40_000_000;

    @TempDir
    private Path folder;

    /** Of the package in Python. */
    private Path torch = Path.of("");

    @BeforeEach
    void findTorch() {
        Program.Result found = Program.run(
                folder,
                Map.of(),
                List.of(PYTHON, "-c", "import torch; print(torch.__path__[0]); print(torch.__version__)"));
        torch = Path.of(found.out().get(0));
    }

    @Test
    void infoSaysWhichItIsAndWhereItComesFrom() throws IOException {
        JsonNode bundled = info(Map.of("LIBTORCH", "/nowhere"), "--libtorch", "bundled");
        assertThat(bundled.get("libtorch_from").asString()).isEqualTo("the jar");
        assertThat(bundled.get("blas").asString()).startsWith("openblas ");

        JsonNode python = info(Program.ON_PYTHONS_LIBRARY);
        assertThat(python.get("libtorch_from").asString())
                .isEqualTo(torch.resolve("lib") + " (LIBTORCH_USE_PYTORCH=1)");
        assertThat(python.get("libtorch").asString())
                .startsWith(bundled.get("libtorch").asString());
        assertThat(python.get("blas").asString()).doesNotStartWith("openblas ");
        assertThat(python.get("threads").asInt()).isEqualTo(1);

        for (Path named : List.of(torch, torch.resolve("lib"))) {
            JsonNode external = info(Map.of("LIBTORCH", named.toString()));
            assertThat(external.get("libtorch_from").asString())
                    .isEqualTo(torch.resolve("lib") + " (LIBTORCH=" + named + ")");
            assertThat(external.get("libtorch")).isEqualTo(python.get("libtorch"));
        }
    }

    @Test
    void everyCommandTakesTheOption() throws IOException {
        String option = "--libtorch=" + torch;
        works("train", "--schedule=1@0.5", "--out=run", option);
        works("evaluate", "--model=run/model.pt", option);
        works("predict", "--model=run/model.pt", option, digit().toString());
        works("sweep", "--schedule=1@0.5", "--out=swept", option);
        works("--libtorch", torch.toString(), "info");
        works("train", "--resume=run/checkpoint.pt", option);
    }

    @Test
    void nothingIsUnpackedButTheBridgesAndNothingWrittenToPython() throws IOException {
        Map<Path, String> before = contents(torch.resolve("lib"));
        Program.Result run = Program.run(
                folder,
                Program.ON_PYTHONS_LIBRARY,
                Program.command(
                        List.of("-Dorg.bytedeco.javacpp.cachedir=" + folder.resolve("cache")),
                        "train",
                        "--dry-run",
                        "--quiet"));
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
            List<Path> unpacked = files.filter(Files::isRegularFile).toList();
            assertThat(unpacked.stream()
                            .mapToLong(path -> path.toFile().length())
                            .sum())
                    .isBetween(1L, MOST_BYTES);
            assertThat(unpacked).allMatch(path -> !Files.isSymbolicLink(path));
        }
        assertThat(contents(torch.resolve("lib"))).isEqualTo(before);
    }

    /** The linker tells of each library that it loads. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void everyLibraryIsLoadedOnceAndOpenBlasNotAtAll() throws IOException {
        Map<String, String> environment = new TreeMap<>(Program.ON_PYTHONS_LIBRARY);
        environment.put("LD_DEBUG", "files");
        environment.put("LD_DEBUG_OUTPUT", folder.resolve("linker").toString());
        Program.Result run = Program.run(folder, environment, "train", "--dry-run", "--quiet");
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        StringBuilder said = new StringBuilder();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(path -> path.getFileName().toString().startsWith("linker."))
                    .toList()) {
                said.append(Files.readString(file));
            }
        }
        List<String> loaded = said.toString()
                .lines()
                .filter(line -> line.contains("generating link map"))
                .map(line -> line.replaceFirst(".*file=", "").replaceFirst(" .*", ""))
                .toList();
        assertThat(loaded).filteredOn(name -> name.endsWith("/libc10.so")).containsExactly(torch + "/lib/libc10.so");
        assertThat(loaded)
                .filteredOn(name -> name.endsWith("/libtorch_cpu.so"))
                .containsExactly(torch + "/lib/libtorch_cpu.so");
        assertThat(loaded).noneMatch(name -> name.contains("openblas"));
    }

    @Test
    void severalRanksTalkThroughIt() {
        try (Ranks ranks = new Ranks(folder, 2)) {
            Program.ON_PYTHONS_LIBRARY.forEach(ranks::with);
            for (int rank = 0; rank < 2; rank++) {
                ranks.start(rank, "train", "--dry-run", "--num-workers=0");
            }
            assertThat(ranks.results())
                    .allSatisfy(result -> assertThat(result.exitCode())
                            .as(String.join("\n", result.err()))
                            .isZero());
        }
    }

    /** Each is refused before anything native is loaded. */
    @ParameterizedTest
    @ValueSource(strings = {"info", "train", "sweep", "evaluate", "predict", "serve", "parity"})
    void whatIsNoneIsRefusedByEveryCommand(String command) throws IOException {
        List<String> arguments = switch (command) {
            case "evaluate" ->
                List.of(
                        "evaluate",
                        "--model",
                        Path.of("test-data/pt/parameters.pt").toAbsolutePath().toString());
            case "predict" -> List.of("predict", digit().toString());
            case "parity" ->
                List.of(
                        "parity",
                        Path.of("test-data/article-seed42-float32.json.gz")
                                .toAbsolutePath()
                                .toString());
            default -> List.of(command);
        };
        String[] all = Stream.concat(arguments.stream(), Stream.of("--libtorch=nowhere"))
                .toArray(String[]::new);
        Program.run(folder, all).assertRefused("--libtorch nowhere: there is no such folder", "--libtorch bundled");
    }

    @Test
    void anotherVersionIsRefused() throws IOException {
        Path other = copyOfTorch();
        Files.writeString(other.resolve("version.py"), "__version__ = '2.14.1+cpu'\n");
        refused(other, "is LibTorch 2.14.1+cpu, and this program needs ");
    }

    @Test
    void halfOfTheLibrariesIsRefused() throws IOException {
        Path other = copyOfTorch();
        Files.delete(other.resolve("lib/libc10.so"));
        refused(other, "libc10.so is missing");
    }

    @Test
    void libraryThatIsCutOffIsRefused() throws IOException {
        Path other = copyOfTorch();
        Path c10 = other.resolve("lib/libc10.so");
        byte[] whole = Files.readAllBytes(c10);
        Files.delete(c10);
        Files.write(c10, Arrays.copyOf(whole, whole.length / 2));
        refused(other, "libc10.so is cut off");
    }

    @Test
    void anotherArchitectureIsRefused() throws IOException {
        Path other = copyOfTorch();
        Path c10 = other.resolve("lib/libc10.so");
        byte[] library = Files.readAllBytes(c10);
        library[18] = (byte) 183; // EM_AARCH64
        Files.delete(c10);
        Files.write(c10, library);
        refused(other, "libc10.so is not a library for linux-x86_64");
    }

    /** Whole as far as can be seen: what the linker makes of it, or takes instead of it, is one sentence too. */
    @Test
    void libraryThatIsAnotherEndsInASentence() throws IOException {
        Path other = copyOfTorch();
        Path torchCpu = other.resolve("lib/libtorch_cpu.so");
        Files.delete(torchCpu);
        Files.copy(other.resolve("lib/libgomp.so.1"), torchCpu);
        Program.run(folder, "info", "--libtorch", other.toString())
                .assertFailed("cannot be loaded", "--libtorch bundled");
    }

    @Test
    void pythonWithoutTorchIsRefused() throws IOException {
        Path venv = folder.resolve("venv");
        Program.Result made =
                Program.run(folder, Map.of(), List.of(PYTHON, "-m", "venv", "--without-pip", venv.toString()));
        assertThat(made.exitCode()).as(String.join("\n", made.err())).isZero();
        Program.run(
                        folder,
                        Map.of("LIBTORCH_PYTHON", venv.resolve("bin/python").toString()),
                        "info",
                        "--libtorch=python")
                .assertRefused("has no torch", "-m pip install torch==");
    }

    /** Python would take a folder called torch from where it is started. */
    @Test
    void folderCalledTorchWhereItIsStartedIsNotPythons() throws IOException {
        Files.createDirectories(folder.resolve("torch"));
        Files.writeString(folder.resolve("torch/__init__.py"), "raise SystemExit('not this one')\n");
        assertThat(info(Program.ON_PYTHONS_LIBRARY).get("libtorch_from").asString())
                .startsWith(torch.toString());
    }

    /** Also by a start in the background, and by what waits for it. */
    @Test
    void pythonIsAskedOnce() throws IOException {
        Path asked = folder.resolve("asked");
        Path python = Files.writeString(
                folder.resolve("python"), "#!/bin/sh\necho asked >>" + asked + "\nexec " + PYTHON + " \"$@\"\n");
        assertThat(python.toFile().setExecutable(true)).isTrue();
        info(Map.of("LIBTORCH_PYTHON", python.toString(), "LIBTORCH_USE_PYTORCH", "1"));
        assertThat(Files.readAllLines(asked)).hasSize(1);
    }

    @Test
    void pythonThatIsNotThereIsRefused() {
        Program.run(folder, Map.of("LIBTORCH_PYTHON", "no-such-python", "LIBTORCH_USE_PYTORCH", "1"), "info")
                .assertRefused("LIBTORCH_USE_PYTORCH=1: there is no Python 'no-such-python'");
    }

    private void refused(Path other, String reason) {
        Program.run(folder, Map.of("LIBTORCH", other.toString()), "info")
                .assertRefused("LIBTORCH=" + other, reason, "--libtorch bundled");
    }

    /** Links to everything that is in its folder of libraries. */
    private Path copyOfTorch() throws IOException {
        Path copy = folder.resolve("copy");
        Files.createDirectories(copy.resolve("lib"));
        try (Stream<Path> files = Files.list(torch.resolve("lib"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.createSymbolicLink(copy.resolve("lib").resolve(file.getFileName()), file);
            }
        }
        Files.copy(torch.resolve("version.py"), copy.resolve("version.py"));
        return copy;
    }

    private JsonNode info(Map<String, String> environment, String... options) throws IOException {
        String[] arguments =
                Stream.concat(Stream.of("info", "--json"), Stream.of(options)).toArray(String[]::new);
        Program.Result info = Program.run(folder, environment, arguments);
        assertThat(info.exitCode()).as(String.join("\n", info.err())).isZero();
        return JsonMapper.builder().build().readTree(String.join("\n", info.out()));
    }

    private void works(String... arguments) {
        Program.Result result = Program.run(folder, arguments);
        assertThat(result.exitCode()).as(String.join("\n", result.err())).isZero();
    }

    private Path digit() throws IOException {
        BufferedImage image = new BufferedImage(60, 60, BufferedImage.TYPE_BYTE_GRAY);
        for (int y = 15; y < 45; y++) {
            image.setRGB(30, y, 0xffffff);
            image.setRGB(31, y, 0xffffff);
        }
        Path file = folder.resolve("digit.png");
        ImageIO.write(image, "png", file.toFile());
        return file;
    }

    private static Map<Path, String> contents(Path folder) throws IOException {
        Map<Path, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                contents.put(file, Files.size(file) + " " + Files.getLastModifiedTime(file));
            }
        }
        return contents;
    }
}
