package io.github.mnistlibtorch.torch.runtime;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.jar.JarEntry;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * Finds the native libraries of the jar, and unpacks them into JavaCPP's cache, all of them before the first is loaded. What
 * fails is a {@link LibTorchException}.
 */
final class NativeLibraries {
    /** The property that says whether JavaCPP loads libraries, and compares versions. */
    static final String LOAD_LIBRARIES = "org.bytedeco.javacpp.loadlibraries";

    /** By build, for the CPU or for the GPU. */
    private static final Map<Boolean, List<Library>> FOUND = new ConcurrentHashMap<>();

    private static final Pattern CLASS = Pattern.compile("org/bytedeco/pytorch/([^/]+)\\.class");

    /** What the linker says, and Java. */
    private static final Pattern NO_MEMORY =
            Pattern.compile("(?i)cannot allocate memory|unable to allocate|out of memory");

    private NativeLibraries() {}

    /** A library in a jar, and where it is to be unpacked. */
    record Library(URL url, Path cached, long size, long time, long crc) {
        private static Library of(Entry entry) {
            try {
                URL url = URI.create("jar:" + entry.jar + "!/" + entry.file.getName())
                        .toURL();
                Path cached = LibraryCache.choose().path(entry.jarName(), entry.file.getName());
                return new Library(url, cached, entry.file.getSize(), entry.file.getTime(), entry.file.getCrc());
            } catch (IOException e) {
                throw explain(e);
            }
        }

        String name() {
            return cached.getFileName().toString();
        }

        /** JavaCPP's own rule for a library that is already there: same size, same time. */
        boolean isCached() {
            File file = cached.toFile();
            return file.length() == size && file.lastModified() == time;
        }

        InputStream open() throws IOException {
            return url.openStream();
        }

        void load() {
            System.load(cached.toString());
        }
    }

    /** A library in a jar. */
    private record Entry(URL jar, JarEntry file) {
        /** As the file system has it: a URL writes %20 for a space. */
        String jarName() {
            return new File(URI.create(jar.toString()).getPath()).getName();
        }
    }

    /**
     * A name for the libraries of the jar, made of their version and content, if it is one jar that holds them all and no other
     * libraries of JavaCPP's, or if the build for the GPU is beside it.
     *
     * @return null if JavaCPP's jars are on the class path
     */
    static @Nullable String contentName() {
        List<Entry> entries = new ArrayList<>(cpuEntries());
        boolean isOneJar = entries.stream().map(Entry::jarName).distinct().count() == 1;
        if (!isOneJar || hasOtherPresets(entries.get(0).jar)) {
            return null;
        }
        if (hasGpuBuild()) {
            entries.addAll(entriesIn(pytorchFolder(/* gpu= */ true)));
            entries.addAll(cudaEntries());
        }
        String content = entries.stream()
                .map(entry -> String.join(
                        " ",
                        entry.file.getName(),
                        Long.toString(entry.file.getSize()),
                        Long.toHexString(entry.file.getCrc()),
                        Long.toString(entry.file.getTime()))) // which JavaCPP compares
                .sorted()
                .collect(Collectors.joining("\n"));
        return "libtorch-" + LibTorch.version() + "-" + Loader.getPlatform() + (hasGpuBuild() ? "-gpu-" : "-")
                + Sha256.hex(content.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
    }

    private static boolean hasOtherPresets(URL jar) {
        Pattern ours = Pattern.compile("org/bytedeco/(javacpp|openblas|pytorch|cuda)/.*");
        Pattern library = Pattern.compile("org/bytedeco/[^/]+/" + Pattern.quote(Loader.getPlatform()) + "[^/]*/.*");
        try {
            JarURLConnection connection =
                    (JarURLConnection) URI.create("jar:" + jar + "!/").toURL().openConnection();
            return connection.getJarFile().stream()
                    .map(JarEntry::getName)
                    .anyMatch(name -> library.matcher(name).matches()
                            && !ours.matcher(name).matches());
        } catch (IOException e) {
            throw explain(e);
        }
    }

    /** Whether LibTorch's build for the GPU is on the class path, beside the one for the CPU. */
    static boolean hasGpuBuild() {
        return NativeLibraries.class.getResource(pytorchFolder(/* gpu= */ true)) != null;
    }

    /** The libraries of one build; none in jars that are plain folders. */
    static List<Library> find(boolean gpu) {
        return FOUND.computeIfAbsent(gpu, build -> {
            List<Entry> entries = new ArrayList<>(cpuEntries());
            if (build) {
                entries.removeIf(entry ->
                        entry.file.getName().startsWith(pytorchFolder(false).substring(1)));
                entries.addAll(entriesIn(pytorchFolder(/* gpu= */ true)));
            }
            return entries.stream().map(Library::of).toList();
        });
    }

    private static List<Entry> cpuEntries() {
        String platform = Loader.getPlatform();
        return Stream.of(
                        "/org/bytedeco/javacpp/" + platform + "/",
                        "/org/bytedeco/openblas/" + platform + "/",
                        pytorchFolder(/* gpu= */ false))
                .flatMap(folder -> entriesIn(folder).stream())
                .toList();
    }

    private static List<Entry> entriesIn(String folder) {
        URL url = NativeLibraries.class.getResource(folder);
        if (url == null) {
            throw explain(new IOException("this jar carries no native build in " + folder.substring(1)));
        }
        return inJarOf(url);
    }

    private static String pytorchFolder(boolean gpu) {
        return "/org/bytedeco/pytorch/" + Loader.getPlatform() + (gpu ? "-gpu/" : "/");
    }

    /** Of the jar's libraries, those that know Java, and that another LibTorch needs: JavaCPP's own, LibTorch's, and Gloo's. */
    static List<Library> bridges() {
        return find(/* gpu= */ false).stream()
                .filter(library -> library.name().matches("(lib)?jni(javacpp|torch|torch_gloo)\\.(so|dylib|dll)"))
                .toList();
    }

    /**
     * Loads a bridge to what another LibTorch brings; nothing, if it is loaded already.
     *
     * @throws UnsatisfiedLinkError if the jar has none on this system, or the linker cannot load it
     */
    static void loadBridge(String name) {
        named(name, bridges())
                .orElseThrow(() -> new UnsatisfiedLinkError("this jar has no " + name + " for " + Loader.getPlatform()))
                .load();
    }

    /** Where the library that computes has been unpacked. */
    static Path torchCpu() {
        return named("torch_cpu", find(LibTorch.build().equals("gpu")))
                .orElseThrow(() -> explain(new IOException("this jar has no libtorch_cpu")))
                .cached();
    }

    /** The library of a name, however a file of that name is called on this system. */
    private static Optional<Library> named(String name, List<Library> libraries) {
        return libraries.stream()
                .filter(library -> library.name().matches("(lib)?" + name + "\\.(so|dylib|dll)"))
                .findFirst();
    }

    /** The libraries of CUDA that come with the build for the GPU. */
    static Set<String> cudaNames() {
        return cudaLibraries().keySet();
    }

    /**
     * Unpacks libraries of CUDA that come with the build for the GPU.
     *
     * @param wanted tells them by their names
     * @return by name
     */
    static Map<String, Library> unpackCuda(Predicate<String> wanted, Consumer<String> progress) {
        Map<String, Library> libraries = cudaLibraries();
        libraries.keySet().removeIf(wanted.negate());
        unpack("CUDA's " + String.join(", ", libraries.keySet()), List.copyOf(libraries.values()), progress);
        return libraries;
    }

    /** By name, in two jars: what NVIDIA lets others distribute, and the bridges to Java. */
    private static Map<String, Library> cudaLibraries() {
        Map<String, Library> libraries = new TreeMap<>();
        cudaEntries().stream().map(Library::of).forEach(library -> libraries.putIfAbsent(library.name(), library));
        return libraries;
    }

    private static List<Entry> cudaEntries() {
        try {
            String folder = "org/bytedeco/cuda/" + Loader.getPlatform() + "/";
            return Collections.list(NativeLibraries.class.getClassLoader().getResources(folder)).stream()
                    .flatMap(url -> inJarOf(url).stream())
                    .toList();
        } catch (IOException e) {
            throw explain(e);
        }
    }

    /** The libraries in a folder of a jar, but not below it. */
    private static List<Entry> inJarOf(URL folder) {
        try {
            if (!(folder.openConnection() instanceof JarURLConnection connection)) {
                return List.of();
            }
            // libopenblas_full is a second interface to the same library that nothing here uses.
            Predicate<String> isLibrary = Pattern.compile(Pattern.quote(connection.getEntryName())
                            + "(?!.*jniopenblas_full)[^/]*\\.(so(\\.\\d+)*|dylib|dll)")
                    .asMatchPredicate();
            // The jar stays open: it is the class loader's own, shared by every such connection.
            return connection.getJarFile().stream()
                    .filter(entry -> isLibrary.test(entry.getName()))
                    .map(entry -> new Entry(connection.getJarFileURL(), entry))
                    .toList();
        } catch (IOException e) {
            throw explain(e);
        }
    }

    /** Whether all can be loaded at once. */
    static boolean areUnpacked(List<Library> libraries) {
        return libraries.stream().allMatch(Library::isCached);
    }

    /**
     * Unpacks those that are not in the cache yet.
     *
     * @param what they are, for people
     */
    static void unpack(String what, List<Library> libraries, Consumer<String> progress) {
        List<Library> missing =
                libraries.stream().filter(library -> !library.isCached()).toList();
        if (missing.isEmpty()) {
            return;
        }
        try {
            LibraryCache cache = LibraryCache.choose();
            long megabytes =
                    Math.max(1, missing.stream().mapToLong(Library::size).sum() / 1_000_000);
            progress.accept("Unpacking " + what + ", once (" + megabytes + " MB into " + cache.folder() + ") ...");
            cache.unpack(missing);
            missing.stream()
                    .filter(library -> library.name().equals("libopenblas.so.0"))
                    .forEach(library -> linkSecondName(library.cached()));
        } catch (IOException e) {
            throw explain(e);
        }
    }

    /** JavaCPP needs OpenBLAS under two names and would unpack, and load, a copy for the second. */
    private static void linkSecondName(Path openblas) {
        try {
            Files.createSymbolicLink(openblas.resolveSibling("libopenblas_nolapack.so.0"), openblas.getFileName());
        } catch (IOException | UnsupportedOperationException e) {
            // It is there already, or cannot be: then JavaCPP makes its copy.
        }
    }

    /** Loads, on a thread of its own, the classes that LibTorch's JNI library will look up: nearly all of its package. */
    static void startLoadingClasses() {
        Thread classes = new Thread(NativeLibraries::loadClasses, "LibTorch classes");
        classes.setDaemon(true);
        classes.start();
    }

    private static void loadClasses() {
        ClassLoader loader = NativeLibraries.class.getClassLoader();
        try {
            Class.forName("org.bytedeco.openblas.global.openblas", /* initialize= */ false, loader);
            URL url = NativeLibraries.class.getResource("/org/bytedeco/pytorch/Tensor.class");
            if (url == null || !(url.openConnection() instanceof JarURLConnection connection)) {
                return;
            }
            for (JarEntry entry : Collections.list(connection.getJarFile().entries())) {
                Matcher matcher = CLASS.matcher(entry.getName());
                if (matcher.matches()) {
                    Class.forName("org.bytedeco.pytorch." + matcher.group(1), /* initialize= */ false, loader);
                }
            }
        } catch (IOException | ClassNotFoundException | LinkageError | OutOfMemoryError e) {
            // Whoever needs the class will load it, and say why it cannot.
        }
    }

    /** Whether {@code ulimit -v} is set: for a folder that is mounted noexec, the linker says nearly the same. */
    private static boolean hasMemoryLimit() {
        try (Stream<String> limits = Files.lines(Path.of("/proc/self/limits"))) {
            return limits.anyMatch(line -> line.matches("Max address space +\\d.*"));
        } catch (IOException | UncheckedIOException e) {
            return false; // not on Linux
        }
    }

    /** The sentence for a person behind a failure to unpack or load. */
    static LibTorchException explain(Throwable cause) {
        // JavaCPP says last where else it has looked; why the library in the cache would not do lies below that.
        Throwable root = LibTorch.rootCause(cause);
        boolean isHeap =
                root instanceof OutOfMemoryError && LibTorch.firstLine(root).contains("heap");
        if (root instanceof OutOfMemoryError
                || NO_MEMORY.matcher(LibTorch.firstLine(root)).find()
                || LibTorch.firstLine(root).contains("failed to map segment") && hasMemoryLimit()) {
            return new LibTorchException(
                    "LibTorch could not be loaded: the process may not take enough memory (" + LibTorch.firstLine(root)
                            + "); raise its limit, such as that of " + (isHeap ? "java -Xmx" : "ulimit -v"),
                    cause);
        }
        return new LibTorchException(
                "LibTorch could not be loaded from " + cacheDirectory() + ": " + LibTorch.firstLine(root)
                        + "; if that folder is full, read-only or mounted noexec, name another with"
                        + " -Dorg.bytedeco.javacpp.cachedir=FOLDER",
                cause);
    }

    static String cacheDirectory() {
        return System.getProperty(LibraryCache.PROPERTY, "the cache folder");
    }
}
