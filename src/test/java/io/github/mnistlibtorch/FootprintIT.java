package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.run.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run leaves behind, and for whom. */
class FootprintIT {
    @TempDir
    private Path folder;

    @Test
    void filesAndFoldersHaveTheUsersUmask() throws IOException {
        for (String umask : List.of("022", "027", "077")) {
            Path place = Files.createDirectory(folder.resolve(umask));
            List<String> command = new ArrayList<>(List.of("sh", "-c", "umask " + umask + "; exec \"$@\"", "sh"));
            command.addAll(
                    Program.command(List.of(), "train", "--schedule=1@0.1", "--out=a/b", "--trace=c/trace.json"));
            Program.Result run = Program.run(place, Map.of(), command);
            assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
            int masked = Integer.parseInt(umask, 8);
            Map<Path, String> permissions = permissionsUnder(place);
            assertThat(permissions).hasSize(3 + withTrace(TrainingRun.FILES).size());
            permissions.forEach((path, actual) -> {
                int full = Files.isDirectory(path) ? 0777 : 0666;
                assertThat(actual).as(umask + " " + path).isEqualTo(text(full & ~masked));
            });
        }
    }

    /**
     * The home folder, the folder for temporary files and the working folder stay as they were; but the JDK notes there
     * which fonts the system has, the first time that a program draws text.
     */
    @Test
    void nothingIsWrittenOutsideOfOutAndTheCache() throws IOException {
        Path home = Files.createDirectory(folder.resolve("home"));
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Path working = Files.createDirectory(folder.resolve("work"));
        Path out = folder.resolve("out");
        Path fontsOfTheJdk = home.resolve(".java/fonts");
        Map<String, String> environment = Map.of(
                "HOME", home.toString(),
                "TMPDIR", temporary.toString(),
                "JAVA_TOOL_OPTIONS",
                        "-Duser.home=" + home + " -Djava.io.tmpdir=" + temporary + " -Dorg.bytedeco.javacpp.cachedir="
                                + cache());
        for (String command : List.of("train", "evaluate", "predict", "parity", "sweep", "info", "help")) {
            Program.Result run = Program.run(working, environment, arguments(command, out));
            assertThat(run.exitCode())
                    .as(command + "\n" + String.join("\n", run.err()))
                    .isZero();
            for (Path place : List.of(home, temporary, working)) {
                assertThat(permissionsUnder(place).keySet())
                        .as(command)
                        .allMatch(path -> path.startsWith(fontsOfTheJdk) || fontsOfTheJdk.startsWith(path));
            }
        }
        List<String> written = new ArrayList<>(withTrace(TrainingRun.FILES));
        written.addAll(List.of("sweep.html", "sweep.json", "sweep.png", "best.pt"));
        assertThat(permissionsUnder(out).keySet().stream()
                        .map(file -> file.getFileName().toString()))
                .containsExactlyInAnyOrderElementsOf(written);
    }

    private static String[] arguments(String command, Path out) {
        Path trace = out.resolve("trace.json");
        List<String> arguments = new ArrayList<>(List.of(command));
        switch (command) {
            case "train" -> arguments.addAll(List.of("--schedule=1@0.1", "--out=" + out, "--trace=" + trace));
            case "evaluate" -> arguments.add("--model=" + out.resolve("model.pt"));
            case "predict" ->
                arguments.addAll(List.of(
                        "--model=" + out.resolve("model.pt"),
                        out.resolve("batch.png").toString()));
            case "sweep" -> arguments.addAll(List.of("--schedule=1@0.1", "--val-size=59000", "--out=" + out));
            case "parity" -> arguments.add(trace.toString());
            default -> {}
        }
        return arguments.toArray(String[]::new);
    }

    private static List<String> withTrace(List<String> files) {
        return Stream.concat(
                        files.stream(),
                        Stream.of(
                                "checkpoint.pt",
                                "checkpoint.previous.pt",
                                "confusion.png",
                                "hidden.png",
                                "mistakes.png",
                                "report.html",
                                "trace.json"))
                .toList();
    }

    /** The one that the other tests use too, so that nothing has to be unpacked. */
    private static Path cache() {
        return Path.of(System.getProperty("user.home"), ".javacpp", "cache");
    }

    private static Map<Path, String> permissionsUnder(Path root) throws IOException {
        Map<Path, String> permissions = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.filter(path -> !path.equals(root)).toList()) {
                permissions.put(path, PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
            }
        }
        return permissions;
    }

    /** {@code 0640} as {@code rw-r-----}. */
    private static String text(int mode) {
        StringBuilder text = new StringBuilder("rwxrwxrwx");
        for (int bit = 0; bit < 9; bit++) {
            if ((mode & (1 << bit)) == 0) {
                text.setCharAt(8 - bit, '-');
            }
        }
        return text.toString();
    }
}
