package io.github.mnistlibtorch.torch.runtime;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * A LibTorch that is not the jar's: that of an installed Python, or one that was unpacked. It is looked at here, before
 * anything of it is loaded; nothing is written to it.
 *
 * @param folder of its libraries
 * @param version with its suffix, for example {@code 2.13.0+cpu}
 * @param asked where it was asked for, for people
 */
record ExternalLibTorch(Path folder, String version, String asked) {
    /** In Python's package and in the archive of LibTorch; each is a few lines. */
    private static final List<String> VERSION_FILES = List.of("version.py", "build-version");

    private static final Pattern PYTHON_VERSION =
            Pattern.compile("^__version__\\s*=\\s*['\"]([0-9A-Za-z.+-]{1,64})['\"]", Pattern.MULTILINE);
    private static final Pattern PLAIN_VERSION = Pattern.compile("\\A\\s*([0-9][0-9A-Za-z.+-]{0,63})\\s*\\z");

    private static final int MAX_VERSION_FILE = 1 << 16;

    /**
     * Finds and checks what is asked for.
     *
     * @return nothing if that is the one of the jar
     * @throws UnusableLibTorchException if it is not there, not complete, or not for this program
     */
    static @Nullable ExternalLibTorch find(LibTorchSource source) {
        if (source.isBundled()) {
            return null;
        }
        Path folder = source.folder();
        if (folder == null) {
            folder = PythonTorch.folderOf(source, PythonTorch.PATIENCE);
        } else if (!Files.isDirectory(folder)) {
            throw source.unusable("there is no such folder");
        }
        return check(folder, source, Loader.getPlatform(), LibTorch.version());
    }

    /**
     * Checks a folder.
     *
     * @param required the version that it must be, whatever its suffix
     */
    static ExternalLibTorch check(Path folder, LibTorchSource source, String platform, String required) {
        String asked = source.asked();
        List<String> names = libraries(platform);
        String main = names.get(1);
        Path lib = Stream.of(folder.resolve("lib"), folder)
                .filter(candidate -> names.stream().anyMatch(name -> Files.exists(candidate.resolve(name))))
                .findFirst()
                .orElseThrow(() -> new UnusableLibTorchException(asked + ": " + folder + " has no " + main
                        + ", nor has its lib; name the folder of an unpacked LibTorch, or of a Python's torch"));
        try {
            String version = version(lib);
            if (version == null) {
                throw source.unusable("neither " + String.join(" nor ", VERSION_FILES) + " beside " + lib
                        + " says which LibTorch it is");
            }
            if (!version.replaceFirst("\\+.*", "").equals(required)) {
                throw new UnusableLibTorchException(
                        asked + " is LibTorch " + version + ", and this program needs " + required + source.remedy());
            }
            ExternalLibTorch libTorch = new ExternalLibTorch(lib, version, asked);
            Stream<Path> found = Stream.concat(libTorch.toLoad().stream(), libTorch.toLoadForCuda().stream());
            for (Path library :
                    Stream.concat(names.stream().map(lib::resolve), found).toList()) {
                String problem = Files.isRegularFile(library) ? SharedLibrary.problem(library, platform) : "is missing";
                if (problem != null) {
                    throw source.unusable(library + " " + problem);
                }
            }
            return libTorch;
        } catch (IOException e) {
            throw source.unusable(lib + " cannot be read");
        }
    }

    /** What has to be there, in the order in which it is loaded; libtorch itself is empty, and pulls in CUDA. */
    private static List<String> libraries(String platform) {
        if (platform.startsWith("windows")) {
            return List.of("c10.dll", "torch_cpu.dll");
        }
        String suffix = platform.startsWith("macosx") ? ".dylib" : ".so";
        return List.of("libc10" + suffix, "libtorch_cpu" + suffix);
    }

    private static @Nullable String version(Path lib) throws IOException {
        // The second is where a link leads to.
        List<Path> files = Stream.of(lib.toAbsolutePath(), lib.toRealPath())
                .flatMap(folder -> VERSION_FILES.stream().map(folder::resolveSibling))
                .toList();
        for (Path file : files) {
            String name = file.getFileName().toString();
            if (Files.isRegularFile(file) && Files.size(file) <= MAX_VERSION_FILE) {
                String text = Files.readString(file, ISO_8859_1);
                Matcher matcher = (name.endsWith(".py") ? PYTHON_VERSION : PLAIN_VERSION).matcher(text);
                if (matcher.find()) {
                    return matcher.group(1);
                }
            }
        }
        return null;
    }

    /** The library that computes. */
    Path torchCpu() {
        return folder.resolve(libraries(Loader.getPlatform()).get(1));
    }

    /** Whether it is a build for NVIDIA GPUs. */
    boolean hasCuda() {
        return !toLoadForCuda().isEmpty();
    }

    /**
     * What to load, in this order, so that the linker finds what each needs loaded already, and takes none from elsewhere.
     * What the first of them are comes with it, or the system has it.
     */
    List<Path> toLoad() {
        List<String> needed = List.of(
                "libgomp.so.1",
                "libiomp5.dylib",
                "libomp.dylib",
                "uv.dll",
                "libiomp5md.dll",
                "asmjit.dll",
                "fbgemm.dll");
        return existing(Stream.concat(needed.stream(), libraries(Loader.getPlatform()).stream()));
    }

    /** The libraries for the GPU, likewise; they find NVIDIA's own by the paths that are written in them. */
    List<Path> toLoadForCuda() {
        return existing(Stream.of("libc10_cuda.so", "libtorch_cuda.so", "c10_cuda.dll", "torch_cuda.dll"));
    }

    /**
     * Loads it. JavaCPP takes no part in it, then and later: it would load what the jar has as well, and two copies of one
     * library end the process. OpenBLAS, which only the jar's needs, stays away.
     *
     * @param gpu whether a GPU is of use
     */
    LibTorch.Build load(Consumer<String> progress, boolean gpu) {
        NativeConfig.CPU.apply();
        NativeLibraries.unpack("the bridge to LibTorch", NativeLibraries.bridges(), progress);
        System.setProperty(NativeLibraries.LOAD_LIBRARIES, "false");
        NativeLibraries.startLoadingClasses();
        try {
            NativeLibraries.loadBridge("jnijavacpp");
        } catch (UnsatisfiedLinkError e) {
            throw NativeLibraries.explain(e); // it needs nothing of LibTorch: what is wrong is the cache
        }
        try {
            toLoad().forEach(library -> System.load(library.toString()));
            NativeLibraries.loadBridge("jnitorch");
            requireNoOther();
        } catch (LinkageError e) {
            throw new LibTorchException(
                    PlainText.name(asked) + ": its libraries cannot be loaded (" + LibTorch.firstLine(e)
                            + "); install that LibTorch again, or say --libtorch bundled",
                    e);
        }
        return new LibTorch.Build("external", gpu ? Cuda.of(this) : Cuda.CPU_ASKED_FOR);
    }

    /** The linker tells on Linux what it has loaded; one that took a library from elsewhere has mixed two builds. */
    private void requireNoOther() {
        List<String> mapped;
        try {
            mapped = Files.readAllLines(Path.of("/proc/self/maps"));
        } catch (IOException e) {
            return; // another system
        }
        for (Path library : toLoad()) {
            String name = "/" + library.getFileName();
            for (String line : mapped) {
                String file = line.substring(Math.max(0, line.indexOf('/')));
                if (line.endsWith(name) && !isSameFile(Path.of(file), library)) {
                    throw new UnsatisfiedLinkError(
                            "the linker took " + PlainText.name(file) + " instead of its " + library.getFileName());
                }
            }
        }
    }

    private static boolean isSameFile(Path one, Path other) {
        try {
            return Files.isSameFile(one, other);
        } catch (IOException e) {
            return false;
        }
    }

    private List<Path> existing(Stream<String> names) {
        return names.map(folder::resolve).filter(Files::exists).toList();
    }
}
