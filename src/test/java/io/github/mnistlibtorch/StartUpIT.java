package io.github.mnistlibtorch;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Starts that are disturbed: each works all the same, or says in one sentence what to do. */
class StartUpIT {
    private static final int AT_ONCE = 20;
    private static final int KILLS = 8;

    @TempDir
    private Path folder;

    private final List<Process> started = new ArrayList<>();

    @AfterEach
    void endWhatIsStillRunning() {
        started.forEach(Process::destroyForcibly);
    }

    @Test
    void manyStartAtOnceOnAnEmptyCache() throws Exception {
        for (int i = 0; i < AT_ONCE; i++) {
            start("cache", folder.resolve(i + ".txt"));
        }
        for (int i = 0; i < AT_ONCE; i++) {
            assertThat(started.get(i).waitFor(5, TimeUnit.MINUTES)).isTrue();
            assertThat(started.get(i).exitValue())
                    .as(Files.readString(folder.resolve(i + ".txt")))
                    .isZero();
        }
    }

    /** At moments that are spread over a start with an empty cache, which takes about three seconds. */
    @Test
    void firstStartThatIsKilledLeavesTheNextOneWorking() throws Exception {
        for (int i = 1; i <= KILLS; i++) {
            String cache = "cache" + i;
            Process process = start(cache, folder.resolve("killed.txt"));
            process.waitFor(350L * i, TimeUnit.MILLISECONDS);
            process.destroyForcibly().waitFor();
            assertWorks(cache);
            delete(folder.resolve(cache));
        }
    }

    /** An alteration that keeps size and time is not seen: to read 428 MB at each start would take longer than the start. */
    @Test
    void alteredLibrariesAreUnpackedAgain() throws Exception {
        assertWorks("cache");
        Path torch = find("libtorch_cpu.so");
        long size = Files.size(torch);
        try (FileChannel channel = FileChannel.open(torch, StandardOpenOption.WRITE)) {
            channel.truncate(size / 2);
        }
        Path c10 = find("libc10.so");
        byte[] good = Files.readAllBytes(c10);
        FileTime time = Files.getLastModifiedTime(c10);
        Files.write(c10, new byte[good.length]);
        Path openblas = find("libopenblas.so.0");
        Files.write(openblas, new byte[1], StandardOpenOption.APPEND);
        Path gomp = find("libgomp.so.1");
        Files.delete(gomp);

        assertWorks("cache");
        assertThat(torch).hasSize(size);
        assertThat(c10).hasBinaryContent(good);
        assertThat(Files.getLastModifiedTime(c10)).isEqualTo(time);
        assertThat(gomp).exists();
    }

    /**
     * An upgrade while something runs, two checkouts: under one file name, different libraries. With a folder named by that file,
     * three such starts at once ended in SIGBUS in four of six rounds.
     */
    @Test
    void buildsOfOneFileNameShareNothing() throws Exception {
        List<Path> builds = builds();
        Random random = new Random(1);
        int rounds = Integer.getInteger("cache.rounds", 2);
        int atOnce = Integer.getInteger("cache.at-once", 6);
        for (int round = 0; round < rounds; round++) {
            System.out.printf("round %d of %d: %d starts of %d builds%n", round + 1, rounds, atOnce, builds.size());
            started.clear();
            for (int i = 0; i < atOnce; i++) {
                start(builds.get(i % builds.size()), "cache", folder.resolve(i + ".txt"));
            }
            Process killed = started.get(random.nextInt(atOnce));
            killed.waitFor(random.nextInt(4_000), TimeUnit.MILLISECONDS);
            killed.destroyForcibly();
            for (int i = 0; i < atOnce; i++) {
                assertThat(started.get(i).waitFor(5, TimeUnit.MINUTES)).isTrue();
                if (started.get(i) != killed) {
                    assertThat(started.get(i).exitValue())
                            .as("round " + round + ": " + Files.readString(folder.resolve(i + ".txt")))
                            .isZero();
                }
            }
            if (round % 2 == 1) {
                delete(folder.resolve("cache"));
            }
        }
        // What a process runs on stays, also when another build starts.
        Process running = start(builds.get(0), "cache", folder.resolve("running.txt"), "train", "--schedule=5000@0.1");
        while (!Files.readString(folder.resolve("running.txt")).contains("Epoch [0]")) {
            assertThat(running.isAlive())
                    .as(Files.readString(folder.resolve("running.txt")))
                    .isTrue();
            Thread.sleep(50);
        }
        Process beside = start(builds.get(1), "cache", folder.resolve("beside.txt"));
        assertThat(beside.waitFor()).isZero();
        try (Stream<Path> entries = Files.list(folder.resolve("cache"))) {
            assertThat(entries)
                    .as("of the running build, and of the one beside it")
                    .hasSize(2);
        }
        running.destroyForcibly().waitFor();

        // Whoever starts alone finds the others unused, and what was killed has left nothing.
        for (Path build : builds) {
            Process alone = start(build, "cache", folder.resolve("alone.txt"));
            assertThat(alone.waitFor())
                    .as(Files.readString(folder.resolve("alone.txt")))
                    .isZero();
            try (Stream<Path> entries = Files.list(folder.resolve("cache"))) {
                assertThat(entries).hasSize(1);
            }
            try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
                assertThat(files).noneMatch(file -> file.toString().endsWith(".part"));
            }
        }
    }

    /** Jars of one name in three folders, of which two have another byte in a library. */
    private List<Path> builds() throws IOException {
        List<Path> builds = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Path build = Files.createDirectory(folder.resolve("build" + i)).resolve("mnist-libtorch.jar");
            Files.copy(Program.JAR, build);
            if (i > 0) {
                try (FileSystem jar = FileSystems.newFileSystem(build)) {
                    try (Stream<Path> files = Files.walk(jar.getPath("/org/bytedeco/pytorch"))) {
                        Path library = files.filter(file -> file.endsWith("libtorch.so"))
                                .findFirst()
                                .orElseThrow();
                        FileTime time = Files.getLastModifiedTime(library);
                        Files.write(library, new byte[] {(byte) i}, StandardOpenOption.APPEND);
                        Files.setLastModifiedTime(library, time);
                    }
                }
            }
            builds.add(build);
        }
        return builds;
    }

    @Test
    void aJarOfAnotherNameUsesTheSameLibraries() throws Exception {
        assertWorks("cache");
        Path other = folder.resolve("renamed.jar");
        Files.copy(Program.JAR, other);
        Path output = folder.resolve("other.txt");
        assertThat(start(other, "cache", output).waitFor()).isZero();
        assertThat(Files.readString(output)).doesNotContain("Unpacking");
    }

    /** What is loaded from there runs as this user. */
    @Test
    void librariesThatOthersCanChangeAreNotLoaded() throws Exception {
        assertWorks("cache");
        Path entry = requireNonNull(find("libc10.so").getParent());
        for (Path opened : List.of(entry, entry.resolve("libc10.so"), folder.resolve("cache"))) {
            Set<PosixFilePermission> before = Files.getPosixFilePermissions(opened);
            Files.setPosixFilePermissions(opened, PosixFilePermissions.fromString("rwxrwxrwx"));
            Program.Result run = Program.run(folder, Map.of(), Program.command(List.of(cache("cache")), "info"));
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.err())
                    .singleElement()
                    .asString()
                    .startsWith("mnist-libtorch: LibTorch is not loaded, as " + opened + " can be written")
                    .endsWith("name a folder of your own with -Dorg.bytedeco.javacpp.cachedir=FOLDER");
            Files.setPosixFilePermissions(opened, before);
        }
        boolean isRoot = (int) Files.getAttribute(folder, "unix:uid") == 0;
        if (isRoot) {
            Files.setAttribute(entry.resolve("libc10.so"), "unix:uid", 12_345);
            Program.Result run = Program.run(folder, Map.of(), Program.command(List.of(cache("cache")), "info"));
            assertThat(run.err()).singleElement().asString().contains("libc10.so belongs to another user");
        }
    }

    /** Every user may make folders in the one for temporary files, under names that this program or JavaCPP would take. */
    @ParameterizedTest
    @ValueSource(strings = {"folder", "link"})
    void whatAnotherUserHasPlantedIsNotLoaded(String kind) throws Exception {
        boolean isRoot = (int) Files.getAttribute(folder, "unix:uid") == 0;
        assumeTrue(isRoot, "only root can make folders of another user");
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Path planted = Files.createDirectory(kind.equals("link") ? folder.resolve("elsewhere") : own(temporary));
        Files.createDirectory(planted.resolve("cache"));
        for (Path path : List.of(planted, planted.resolve("cache"))) {
            Files.setAttribute(path, "unix:uid", 12_345);
        }
        if (kind.equals("link")) {
            Files.createSymbolicLink(own(temporary), planted);
        }
        Path ofJavaCpp =
                Files.createDirectories(temporary.resolve(".javacpp-" + System.getProperty("user.name") + "/cache"));
        Files.setAttribute(ofJavaCpp, "unix:uid", 12_345);

        Program.Result run = Program.run(
                folder,
                Map.of("HOME", folder.resolve("none").toString()),
                Program.command(List.of("-Duser.home=?", "-Djava.io.tmpdir=" + temporary), "info"));
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out())
                .as("in a new folder of its own")
                .anyMatch(line -> line.matches("native_libraries: .*/tmp/mnist-libtorch\\d+/cache/libtorch-.*"));
        assertThat(planted.resolve("cache")).isEmptyDirectory();
        assertThat(ofJavaCpp).isEmptyDirectory();

        // Nor is it loaded from if somebody asks for it.
        Program.run(folder, Map.of(), Program.command(List.of("-Dorg.bytedeco.javacpp.cachedir=" + ofJavaCpp), "info"))
                .assertFailed("LibTorch is not loaded, as " + ofJavaCpp
                        + " belongs to another user; name a folder of your own");
        assertThat(ofJavaCpp).isEmptyDirectory();
    }

    /** Where this program would keep libraries of a user without a home. */
    private static Path own(Path temporary) {
        return temporary.resolve("mnist-libtorch-0");
    }

    @Test
    void fullDiskIsSaidInOneSentence() throws Exception {
        onMount("size=100m", mounted -> {
            assertRefused("mounted", "No space left on device");
            try (Stream<Path> files = Files.walk(mounted)) {
                assertThat(files.filter(Files::isRegularFile)
                                .mapToLong(file -> file.toFile().length()))
                        .as("nothing is left of what was unpacked")
                        .allMatch(size -> size == 0);
            }
        });
    }

    @Test
    void cacheThatForbidsToExecuteIsSaidInOneSentence() throws Exception {
        onMount("noexec,size=700m", mounted -> assertRefused("mounted", "failed to map segment from shared object"));
    }

    /** The next folder is taken: below the home folder, then a private one for temporary files. */
    @Test
    void cacheThatCannotBeMadeIsNotNeeded() throws IOException {
        Files.createFile(folder.resolve("file"));
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Program.Result run = Program.run(
                folder,
                Map.of("HOME", folder.resolve("none").toString()),
                Program.command(
                        List.of(
                                cache("file/cache"),
                                "-Duser.home=" + folder.resolve("file/home"),
                                "-Djava.io.tmpdir=" + temporary),
                        "info"));
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out()).anyMatch(line -> line.startsWith("native_libraries: " + temporary));
    }

    /** As for a user id without a name in a container; Java's own guess would be made where the program runs. */
    @Test
    void anUnknownHomeIsThatOfTheEnvironmentOrAPrivateFolder() throws IOException {
        List<String> unknown = Program.command(List.of("-Duser.home=?"), "info");
        Program.Result run = Program.run(folder, Map.of("HOME", folder.toString()), unknown);
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out())
                .anyMatch(line -> line.startsWith("native_libraries: " + folder.resolve(".javacpp/cache/libtorch-")));

        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        unknown = Program.command(List.of("-Duser.home=?", "-Djava.io.tmpdir=" + temporary), "info");
        for (int i = 0; i < 2; i++) {
            run = Program.run(folder, Map.of("HOME", folder.resolve("none").toString()), unknown);
            assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
            assertThat(run.out())
                    .anyMatch(line -> line.matches("native_libraries: .*/tmp/mnist-libtorch-\\d+/cache/libtorch-.*"));
        }
        assertThat(run.err()).as("unpacked once").isEmpty();
        assertThat(folder.resolve("?")).doesNotExist();
        try (Stream<Path> made = Files.list(temporary)) {
            assertThat(made.map(path -> {
                        try {
                            return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    }))
                    .containsExactly("rwx------");
        }
    }

    /** A Java without the library that draws text, as slim images have it, or without fonts; and one that draws nothing at all. */
    @ParameterizedTest
    @ValueSource(strings = {"libfontmanager.so", "libawt.so"})
    void whatNeedsFontsDoesNotDecideOverAResult(String library) throws IOException {
        List<String> command = new ArrayList<>(Program.command(List.of(), "train", "--schedule=1@0.5", "--out=out"));
        command.set(0, javaWithout(library).toString());
        assertTrainsWithoutPlots(command);
    }

    /** As {@code jlink} makes it, where nobody asks for {@code java.desktop}. */
    @Test
    void aJavaWithoutItsDesktopModuleTrainsAndSweeps() throws IOException {
        List<String> withoutDesktop =
                List.of("--limit-modules=java.base,java.logging,java.management,java.xml,jdk.unsupported");
        assertTrainsWithoutPlots(Program.command(withoutDesktop, "train", "--schedule=1@0.5", "--out=out"));
        Program.Result sweep = Program.run(
                folder,
                Map.of(),
                Program.command(withoutDesktop, "sweep", "--schedule=1@0.5", "--seed", "1", "2", "--out=sweep"));
        assertThat(sweep.exitCode()).as(String.join("\n", sweep.err())).isZero();
        assertThat(folder.resolve("sweep/sweep.png")).doesNotExist();
        Program.run(
                        folder,
                        Map.of(),
                        Program.command(withoutDesktop, "predict", "--model=out/model.pt", "out/batch.png"))
                .assertFailed("this Java lacks a part (java", "use a complete one");
    }

    /** All is computed, and written but for the plots, which one sentence says. */
    private void assertTrainsWithoutPlots(List<String> command) {
        Program.Result run = Program.run(folder, Map.of(), command);
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out()).last().asString().startsWith("val_acc: 0.");
        assertThat(run.err())
                .filteredOn(line -> line.contains("not drawn"))
                .singleElement()
                .asString()
                .startsWith("warning: pictures with text are not drawn, as ")
                .endsWith("; install some, such as Debian's fontconfig and fonts-dejavu-core, and a complete Java");
        for (String file : List.of("model.pt", "model.safetensors", "history.json", "batch.png", "report.html")) {
            assertThat(folder.resolve("out").resolve(file)).isNotEmptyFile();
        }
        for (String file : List.of("loss.png", "accuracy.png", "confusion.png", "mistakes.png", "hidden.png")) {
            assertThat(folder.resolve("out").resolve(file)).doesNotExist();
        }
    }

    /**
     * {@code ulimit -v}: as much as is enough for Java alone is not for LibTorch, whose library of 400 MB does not fit. What is missing
     * is memory, and not another folder.
     */
    @Test
    void aLimitOfMemoryIsNamed() {
        assertWorks("cache");
        List<String> refusals = new ArrayList<>();
        int exitCode = 1;
        for (int kilobytes = 1_500_000; exitCode != 0; kilobytes += 100_000) {
            assertThat(kilobytes).as("enough at last").isLessThan(6_000_000);
            List<String> command =
                    new ArrayList<>(List.of("bash", "-c", "ulimit -v \"$0\" && exec \"$@\"", kilobytes + ""));
            command.addAll(Program.command(List.of(cache("cache"), "-Xmx64m"), "info"));
            Program.Result run = Program.run(folder, Map.of(), command);
            exitCode = run.exitCode();
            run.err().stream()
                    .filter(line -> line.startsWith("mnist-libtorch: LibTorch could not be loaded"))
                    .forEach(refusals::add);
        }
        assertThat(refusals)
                .isNotEmpty()
                .allMatch(line -> line.contains("the process may not take enough memory")
                        && line.endsWith("raise its limit, such as that of ulimit -v"));
    }

    /** What the launcher looks for beside itself is copied, all else of this Java is linked to. */
    private Path javaWithout(String library) throws IOException {
        Path home = Path.of(System.getProperty("java.home"));
        Path slim = folder.resolve("java");
        for (String file : List.of("bin/java", "lib/libjli.so", "lib/server/libjvm.so")) {
            Files.createDirectories(slim.resolve(file).getParent());
            Files.copy(home.resolve(file), slim.resolve(file));
        }
        Files.createSymbolicLink(slim.resolve("conf"), home.resolve("conf"));
        try (Stream<Path> libraries = Files.list(home.resolve("lib"))) {
            for (Path file : libraries.toList()) {
                Path link = slim.resolve("lib").resolve(file.getFileName());
                if (!file.endsWith(library) && !Files.exists(link)) {
                    Files.createSymbolicLink(link, file);
                }
            }
        }
        return slim.resolve("bin/java");
    }

    /** In 64 MB of heap JavaCPP would end a program at four times that, unless its guard is lifted before it is loaded. */
    @Test
    void aProgramNeedNotStartLibTorch() throws IOException {
        Path source = Files.writeString(folder.resolve("Use.java"), """
                import io.github.mnistlibtorch.torch.data.*;
                import io.github.mnistlibtorch.torch.runtime.*;
                import io.github.mnistlibtorch.torch.vision.Mnist;
                import org.bytedeco.javacpp.Pointer;
                import org.bytedeco.pytorch.global.torch;

                class Use {
                    public static void main(String[] arguments) {
                        long count = 0;
                        for (Batch batch : DataLoader.of(Mnist.bundled(Mnist.Split.TEST)).batchSize(5_000).build()) {
                            try (TensorScope scope = TensorScope.open()) {
                                count += batch.images().repeat(20, 1, 1, 1).numel() / 784 / 20;
                            }
                        }
                        System.out.println(count + " " + Pointer.maxPhysicalBytes() + " " + torch.get_num_threads());
                    }
                }
                """);
        List<String> command = new ArrayList<>(Program.command(List.of()).subList(0, 1));
        command.addAll(List.of("-Xmx64m", "-cp", Program.JAR.toString(), source.toString()));
        Program.Result run = Program.run(folder, Map.of(), command);
        assertThat(run.err()).noneMatch(line -> line.contains("JavaCPP ends the program"));
        assertThat(run.out()).containsExactly("10000 0 1");
    }

    /** The shell makes the names: a JVM in a POSIX locale cannot. */
    @Test
    void pathsMayHoldSpacesAndAnyLetters() {
        String script =
                "d=\"$PWD/$(printf 'Z\\303\\274rich \\320\\272\\320\\273\\321\\216\\321\\207 \\346\\225\\260')\""
                        + " && mkdir \"$d\" && cp \"$2\" \"$d/a b.jar\" && cd \"$d\""
                        + " && \"$1\" \"-Dorg.bytedeco.javacpp.cachedir=$d/ca che\" -jar \"$d/a b.jar\""
                        + " train --schedule=1@0.1 --out \"$d/o t\""
                        + " && test -s \"$d/o t/model.pt\" && ls \"$d/ca che\""
                        + " && \"$1\" \"-Dorg.bytedeco.javacpp.cachedir=$d/ca che\" -jar \"$d/a b.jar\" info >&2";
        Program.Result run = Program.run(
                folder,
                Map.of("LC_ALL", "C.UTF-8"),
                List.of("sh", "-c", script, "sh", Program.command(List.of()).get(0), Program.JAR.toString()));
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out()).last().asString().startsWith("libtorch-");
        assertThat(run.err())
                .as("unpacked by the first of two starts alone")
                .filteredOn(line -> line.startsWith("Unpacking"))
                .hasSize(1);
    }

    private Process start(String cache, Path output) throws IOException {
        return start(Program.JAR, cache, output);
    }

    private Process start(Path jar, String cache, Path output) throws IOException {
        return start(jar, cache, output, "info");
    }

    private Process start(Path jar, String cache, Path output, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(Program.command(List.of(cache(cache)), arguments));
        command.replaceAll(argument -> argument.equals(Program.JAR.toString()) ? jar.toString() : argument);
        Process process = Program.builder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        started.add(process);
        return process;
    }

    private void assertWorks(String cache) {
        Program.Result run =
                Program.run(folder, Map.of(), Program.command(List.of(cache(cache)), "train", "--dry-run"));
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
    }

    private void assertRefused(String cache, String why) {
        Program.Result run = Program.run(folder, Map.of(), Program.command(List.of(cache(cache)), "info"));
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).hasSizeBetween(1, 2); // that it unpacks, if it comes so far, and the sentence
        assertThat(run.err())
                .last()
                .asString()
                .startsWith("mnist-libtorch: LibTorch could not be loaded from " + folder.resolve(cache))
                .contains(why)
                .endsWith("name another with -Dorg.bytedeco.javacpp.cachedir=FOLDER");
    }

    private static void delete(Path tree) throws IOException {
        try (Stream<Path> paths = Files.walk(tree)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private String cache(String name) {
        return "-Dorg.bytedeco.javacpp.cachedir=" + folder.resolve(name);
    }

    private Path find(String library) throws IOException {
        try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
            return files.filter(file -> file.endsWith(library)).findFirst().orElseThrow();
        }
    }

    private interface Check {
        void on(Path mounted) throws Exception;
    }

    /** Needs the right to mount; who has none skips the test. */
    private void onMount(String options, Check check) throws Exception {
        Path mounted = Files.createDirectory(folder.resolve("mounted"));
        assumeTrue(
                Disk.shell("mount", "-t", "tmpfs", "-o", options, "tmpfs", mounted.toString()) == 0,
                "a small file system cannot be mounted here");
        try {
            check.on(mounted);
        } finally {
            assertThat(Disk.shell("umount", mounted.toString())).isZero();
        }
    }
}
