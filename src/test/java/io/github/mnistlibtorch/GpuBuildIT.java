package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mnistlibtorch.Program.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The packaged jar with LibTorch's build for the GPU beside it, or something that looks like it, on a machine without a GPU. */
@EnabledOnOs(OS.LINUX)
class GpuBuildIT {
    private static final Path GPU = Program.JAR.resolveSibling("gpu");
    private static final String FORCE = "-Dorg.bytedeco.javacpp.platform.extension=-gpu";

    @TempDir
    private Path folder;

    @BeforeAll
    static void thereIsNoDriver() {
        assumeTrue(
                Stream.of("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/local/nvidia/lib64")
                        .noneMatch(lib -> Files.exists(Path.of(lib, "libcuda.so.1"))),
                "there is an NVIDIA driver here");
    }

    @Test
    void withoutADriverTheCpuDoesTheWork() throws IOException {
        Path jar = withEmptyBuild();
        Result info = run(Map.of(), jar, List.of(), "info");
        assertThat(info.out())
                .anyMatch(line -> line.startsWith("cuda: not used: there is no NVIDIA driver (libcuda.so.1:"));
        assertThat(info.out()).contains("default_device: cpu");

        Result auto = run(Map.of(), jar, List.of(), "train", "--dry-run");
        assertThat(auto.exitCode()).isZero();
        assertThat(auto.out())
                .isEqualTo(Program.run(folder, "train", "--dry-run").out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"cuda", "cuda:1"})
    void aGpuThatCannotBeUsedIsRefusedWithTheReason(String device) throws IOException {
        run(Map.of(), withEmptyBuild(), List.of(), "train", "--device", device)
                .assertRefused("there is no GPU to be used: there is no NVIDIA driver (libcuda.so.1: ", "--device cpu");
    }

    @Test
    void withoutTheBuildTheReasonIsAnother() throws IOException {
        run(Map.of(), copyOfTheJar(), List.of(), "train", "--device", "cuda")
                .assertRefused(
                        "LibTorch's build for the GPU does not lie beside this jar, in gpu/", "mvn -Pcuda package");
    }

    @Test
    void aDriverWithoutCudaBesideItIsNotInTheWayOfTheCpu() throws Exception {
        Map<String, String> environment = Map.of("LD_LIBRARY_PATH", driver().toString());
        Result info = run(environment, withEmptyBuild(), List.of(), "info");

        assertThat(info.out()).anyMatch(line -> line.startsWith("cuda: not used: CUDA does not start: "));
        assertThat(info.out()).contains("default_device: cpu", "build: cpu");
    }

    /** JavaCPP would mix the two builds, and end the process. */
    @Test
    void halfABuildIsNotLoadedEvenIfItIsAskedFor() throws IOException {
        run(Map.of(), withEmptyBuild(), List.of(FORCE), "info")
                .assertFailed("these libraries are missing: ", "libcublas.so.13", "libcudnn.so.9", "libnccl.so.2");
    }

    /** With {@code mvn -Pcuda package}, and the libraries of CUDA in the folders that the environment variable names. */
    @Test
    void theBuildForTheGpuLoadsWithoutADriverAndComputesOnTheCpu() {
        String libraries = System.getenv("CUDA_LIBRARIES");
        assumeTrue(Files.isDirectory(GPU), "mvn -Pcuda package has not been run");
        assumeTrue(libraries != null, "CUDA_LIBRARIES does not name the libraries of CUDA");
        Map<String, String> environment = Map.of("LD_LIBRARY_PATH", libraries);
        Path trace = Path.of("test-data/article-seed42-float32.json.gz").toAbsolutePath();

        Result info = run(environment, Program.JAR, List.of(FORCE), "info");
        assertThat(info.out()).anyMatch(line -> line.startsWith("cuda: not used: there is no NVIDIA driver"));
        assertThat(info.out()).contains("build: gpu");
        Result parity = run(environment, Program.JAR, List.of(FORCE), "parity", trace.toString());
        assertThat(parity.out()).as(parity.err().toString()).last().isEqualTo("Every rung holds.");
    }

    /** As far as NCCL goes without a GPU: its libraries load, and it says what it lacks. The driver is one that says so too. */
    @Test
    void ncclLoadsAndAsksForAGpu() throws Exception {
        String libraries = System.getenv("CUDA_LIBRARIES");
        assumeTrue(Files.isDirectory(GPU), "mvn -Pcuda package has not been run");
        assumeTrue(libraries != null, "CUDA_LIBRARIES does not name the libraries of CUDA");
        Map<String, String> environment = Map.of("LD_LIBRARY_PATH", driver() + ":" + libraries);
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                FORCE,
                "-cp",
                String.join(":", "target/test-classes", Program.JAR.toString(), GPU + "/*"),
                "io.github.mnistlibtorch.torch.distributed.NcclRank",
                Integer.toString(Ranks.freePort()));
        Result nccl = Program.run(Path.of("").toAbsolutePath(), environment, command);
        assertThat(nccl.out())
                .as(nccl.err().toString())
                .containsExactly("has NCCL: true", "ProcessGroupNCCL is only supported with GPUs, no GPUs found!");
    }

    private Path copyOfTheJar() throws IOException {
        return Files.copy(Program.JAR, folder.resolve(Program.JAR.getFileName()));
    }

    /** The jar beside a build for the GPU that has every file and folder, and nothing in them. */
    private Path withEmptyBuild() throws IOException {
        Path jar = copyOfTheJar();
        try (JarFile file = new JarFile(jar.toFile())) {
            String classPath = file.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
            for (String entry : classPath.split(" ")) {
                Path path = folder.resolve(entry);
                Files.createDirectories(path.getParent());
                try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
                    zip.putNextEntry(new ZipEntry("org/bytedeco/pytorch/" + Loader.getPlatform() + "-gpu/"));
                }
            }
        }
        return jar;
    }

    /** A folder with a library that has the name of the driver's. */
    private Path driver() throws IOException, InterruptedException {
        Path source = Files.writeString(folder.resolve("driver.c"), "int cuInit(unsigned flags) { return 100; }\n");
        Path library = folder.resolve("libcuda.so.1");
        try {
            Process gcc = new ProcessBuilder("gcc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                    .inheritIO()
                    .start();
            assertThat(gcc.waitFor()).isZero();
        } catch (IOException e) {
            abort("there is no gcc");
        }
        return folder;
    }

    private Result run(Map<String, String> environment, Path jar, List<String> jvmOptions, String... arguments) {
        List<String> command = new ArrayList<>(Program.command(jvmOptions, arguments));
        command.set(command.indexOf("-jar") + 1, jar.toString());
        Map<String, String> complete = new HashMap<>(Map.of("LD_LIBRARY_PATH", ""));
        complete.putAll(environment);
        return Program.run(folder, complete, command);
    }
}
