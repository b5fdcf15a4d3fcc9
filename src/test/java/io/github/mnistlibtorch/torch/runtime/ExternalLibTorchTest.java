package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders that look like a LibTorch and folders that do not; their libraries are headers and nothing else. */
class ExternalLibTorchTest {
    private static final LibTorchSource ASKED = new LibTorchSource("asked", null, null, "; name another");
    private static final String LINUX = "linux-x86_64";
    private static final int X86_64 = 62;
    private static final int AARCH64 = 183;

    @TempDir
    private Path folder;

    @Test
    void packageOfPython() throws IOException {
        write("version.py", "from typing import Optional\n\n__all__ = ['__version__']\n__version__ = '2.13.0+cpu'\n");
        writeLibraries("lib");
        ExternalLibTorch found = check();
        assertThat(found.folder()).isEqualTo(folder.resolve("lib"));
        assertThat(found.version()).isEqualTo("2.13.0+cpu");
        assertThat(found.hasCuda()).isFalse();
    }

    @Test
    void unpackedLibTorch() throws IOException {
        write("build-version", "2.13.0+cu130\n");
        writeLibraries("lib");
        write("lib/libtorch_cuda.so", elf(X86_64));
        assertThat(check().version()).isEqualTo("2.13.0+cu130");
        assertThat(check().hasCuda()).isTrue();
    }

    @Test
    void folderOfTheLibrariesItself() throws IOException {
        write("build-version", "2.13.0");
        writeLibraries("lib");
        assertThat(ExternalLibTorch.check(folder.resolve("lib"), ASKED, LINUX, "2.13.0")
                        .folder())
                .isEqualTo(folder.resolve("lib"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void linkToTheFolderOfTheLibraries() throws IOException {
        write("torch/build-version", "2.13.0");
        writeLibraries("torch/lib");
        Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("torch/lib"));
        assertThat(ExternalLibTorch.check(link, ASKED, LINUX, "2.13.0").version())
                .isEqualTo("2.13.0");
    }

    @Test
    void macAndWindowsHaveOtherNames() throws IOException {
        write("build-version", "2.13.0");
        ByteBuffer machO = ByteBuffer.allocate(32)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(0xfeedfacf)
                .putInt(0x0100000c);
        write("lib/libc10.dylib", machO);
        write("lib/libtorch_cpu.dylib", machO);
        ByteBuffer dll = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
        dll.put(0, new byte[] {'M', 'Z'}).putInt(60, 64).putInt(64, 0x4550).putShort(68, (short) 0x8664);
        write("lib/c10.dll", dll);
        write("lib/torch_cpu.dll", dll);
        assertThat(ExternalLibTorch.check(folder, ASKED, "macosx-arm64", "2.13.0")
                        .version())
                .isEqualTo("2.13.0");
        assertThat(ExternalLibTorch.check(folder, ASKED, "windows-x86_64", "2.13.0")
                        .version())
                .isEqualTo("2.13.0");
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(() -> ExternalLibTorch.check(folder, ASKED, "macosx-x86_64", "2.13.0"))
                .withMessageContaining("is not a library for macosx-x86_64");
    }

    @ParameterizedTest
    @ValueSource(strings = {"2.14.1+cpu", "2.13.1", "2.12.0", "12.13.0", "2.13.0a0", "2.13"})
    void anotherVersionIsRefused(String version) throws IOException {
        write("build-version", version);
        writeLibraries("lib");
        assertRefused("asked is LibTorch " + version + ", and this program needs 2.13.0; name another");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\u001b[31m", "2.13.0\u001b[31m", "2.13.0\n2.13.0", "__version__ = '2.13.0'"})
    void versionThatIsNoneIsRefused(String version) throws IOException {
        write("build-version", version);
        writeLibraries("lib");
        assertRefused("says which LibTorch it is");
    }

    @Test
    void folderWithoutAnythingInIt() {
        assertRefused("has no libtorch_cpu.so");
    }

    @ParameterizedTest
    @ValueSource(strings = {"libc10.so", "libtorch_cpu.so"})
    void halfOfThemIsRefused(String missing) throws IOException {
        write("build-version", "2.13.0");
        writeLibraries("lib");
        Files.delete(folder.resolve("lib").resolve(missing));
        assertRefused(missing + " is missing");
    }

    @ParameterizedTest
    @CsvSource({"0, 64", "1, 64", "63, 64"})
    void emptyOrCutHeaderIsRefused(int size, int whole) throws IOException {
        write("build-version", "2.13.0");
        writeLibraries("lib");
        byte[] header = Files.readAllBytes(folder.resolve("lib/libtorch_cpu.so"));
        assertThat(header).hasSizeGreaterThan(whole);
        Files.write(folder.resolve("lib/libtorch_cpu.so"), Arrays.copyOf(header, size));
        assertRefused("is not a library for linux-x86_64");
    }

    @Test
    void libraryThatIsCutOffIsRefusedBeforeTheLinkerSeesIt() throws IOException {
        write("build-version", "2.13.0");
        writeLibraries("lib");
        byte[] whole = Files.readAllBytes(folder.resolve("lib/libtorch_cpu.so"));
        Files.write(folder.resolve("lib/libtorch_cpu.so"), Arrays.copyOf(whole, whole.length - 1));
        assertRefused("libtorch_cpu.so is cut off");
    }

    /** The largest of all is what is most likely to be there in part. */
    @ParameterizedTest
    @ValueSource(strings = {"libtorch_cuda.so", "libgomp.so.1"})
    void whatElseIsLoadedIsLookedAtToo(String name) throws IOException {
        write("build-version", "2.13.0");
        writeLibraries("lib");
        write("lib/" + name, elf(X86_64));
        byte[] whole = Files.readAllBytes(folder.resolve("lib").resolve(name));
        Files.write(folder.resolve("lib").resolve(name), Arrays.copyOf(whole, whole.length - 1));
        assertRefused(name + " is cut off");
    }

    @Test
    void anotherArchitectureIsRefused() throws IOException {
        write("build-version", "2.13.0");
        writeLibraries("lib");
        write("lib/libc10.so", elf(AARCH64));
        assertRefused("libc10.so is not a library for linux-x86_64");
    }

    @Test
    void libraryThatIsAFolderIsRefused() throws IOException {
        write("build-version", "2.13.0");
        writeLibraries("lib");
        Files.delete(folder.resolve("lib/libc10.so"));
        Files.createDirectory(folder.resolve("lib/libc10.so"));
        assertRefused("libc10.so is missing");
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "-, -, -, -, ''",
                "bundled, /a, 1, -, ''",
                "-, /a, -, -, LIBTORCH=/a",
                "-, /a, 0, -, LIBTORCH=/a",
                "-, /a, 1, -, LIBTORCH_USE_PYTORCH=1",
                "-, -, true, -, LIBTORCH_USE_PYTORCH=true",
                "python, /a, 0, -, --libtorch python",
                "/b, /a, 1, -, --libtorch /b"
            })
    void optionIsStrongerThanVariables(String option, String folder, String usePython, String python, String asked) {
        Map<String, String> environment = new HashMap<>();
        environment.put("LIBTORCH", folder == null ? "" : folder);
        environment.put("LIBTORCH_USE_PYTORCH", usePython == null ? "" : usePython);
        environment.put("LIBTORCH_PYTHON", python == null ? "" : python);
        LibTorchSource source = LibTorchSource.of(option, environment);
        assertThat(source.asked()).isEqualTo(asked);
        assertThat(source.isBundled()).isEqualTo(asked.isEmpty());
    }

    @Test
    void remedyIsOneThatHelps() {
        assertThat(LibTorchSource.of("python", Map.of()).remedy())
                .isEqualTo("; name another with LIBTORCH_PYTHON, or say --libtorch bundled");
        assertThat(LibTorchSource.of(LibTorchSource.OF_PYTHON_ALONE, Map.of()).remedy())
                .isEqualTo("; name another with LIBTORCH_PYTHON");
    }

    @Test
    void pythonIsTheOneThatIsNamed() {
        assertThat(LibTorchSource.of("python", Map.of("LIBTORCH_PYTHON", "/opt/python"))
                        .python())
                .isEqualTo("/opt/python");
        assertThat(LibTorchSource.of("python", Map.of()).python()).startsWith("python");
    }

    @Test
    void valuesThatMeanNothingAreRefused() {
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(() -> LibTorchSource.of(null, Map.of("LIBTORCH_USE_PYTORCH", "maybe")))
                .withMessage("LIBTORCH_USE_PYTORCH is 'maybe'; set it to 1, or unset it");
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(() -> LibTorchSource.of(" ", Map.of()))
                .withMessageContaining("names no folder");
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(() -> ExternalLibTorch.find(LibTorchSource.of("/no/such", Map.of())))
                .withMessage("--libtorch /no/such: there is no such folder; name another, or say --libtorch bundled");
    }

    @ParameterizedTest
    @CsvSource({
        "'- Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605 for Intel(R) 64', mkl 2024.2-Product",
        "'Build settings: BLAS_INFO=accelerate, BUILD_TYPE=Release', accelerate",
        "'Build settings:', unknown"
    })
    void blasIsReadFromTheConfiguration(String config, String blas) {
        assertThat(Environment.blas(config)).isEqualTo(blas);
    }

    /** The hash is that of {@code hashlib.sha256(b"fpu avx2").hexdigest()[:16]}. */
    @Test
    void processorIsDescribedAsInPython() {
        String cpuinfo =
                "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n"
                        + "stepping\t: 1\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nmodel name\t: other\n";
        assertThat(Environment.processor(cpuinfo))
                .isEqualTo("AMD EPYC (AuthenticAMD family 25 model 1 stepping 1, flags e97b3f563c9b8625)");
        assertThat(Environment.processor("")).isEqualTo("unknown");
    }

    private ExternalLibTorch check() {
        return ExternalLibTorch.check(folder, ASKED, LINUX, "2.13.0");
    }

    private void assertRefused(String reason) {
        assertThatExceptionOfType(UnusableLibTorchException.class)
                .isThrownBy(this::check)
                .withMessageContaining(reason)
                .withMessageMatching("\\P{Cntrl}+");
    }

    private void writeLibraries(String into) throws IOException {
        write(into + "/libc10.so", elf(X86_64));
        write(into + "/libtorch_cpu.so", elf(X86_64));
    }

    /** A header of 64 bytes, and one section header of as many behind it. */
    private static ByteBuffer elf(int machine) {
        ByteBuffer elf = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
        return elf.putInt(0, 0x464c457f)
                .put(4, (byte) 2)
                .put(5, (byte) 1)
                .putShort(18, (short) machine)
                .putLong(40, 64)
                .putShort(58, (short) 64)
                .putShort(60, (short) 1);
    }

    private void write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private void write(String name, ByteBuffer bytes) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.write(file, bytes.array());
    }
}
