package io.github.mnistlibtorch.torch.runtime;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.jar.JarEntry;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/** Unpacks the native libraries of the jar into JavaCPP's cache, all of them before the first is loaded, and loads them. */
final class NativeLibraries {
    /** LibTorch and what it needs, in the order in which the linker wants them, as they are called on Linux. */
    private static final List<String> LINKED = List.of(
            "libgcc_s.so.1",
            "libquadmath.so.0",
            "libgfortran.so.5",
            "libopenblas.so.0",
            "libgomp.so.1",
            "libc10.so",
            "libtorch_cpu.so");

    /** By build, for the CPU or for the GPU. Guarded by the class. */
    private static final Map<Boolean, List<Library>> FOUND = new HashMap<>();

    /** Whether JavaCPP loads libraries, and compares versions. */
    private static final String LOAD_LIBRARIES = "org.bytedeco.javacpp.loadlibraries";

    private static final Pattern TORCH_CPU = Pattern.compile("[/\\\\](lib)?torch_cpu\\.(so|dylib|dll)$");

    private static final Pattern BRIDGE = Pattern.compile("(lib)?jni(javacpp|torch|torch_gloo)\\.(so|dylib|dll)");

    private static final Pattern CLASS = Pattern.compile("org/bytedeco/pytorch/([^/]+)\\.class");

    private NativeLibraries() {}

    /** Whether LibTorch's build for the GPU is on the class path, beside the one for the CPU. */
    static boolean hasGpuBuild() {
        return NativeLibraries.class.getResource("/" + gpuFolder(Loader.getPlatform())) != null;
    }

    /** Whether the build for the CPU can be loaded at once. */
    static boolean areUnpacked() {
        try {
            return find(/* gpu= */ false).stream().allMatch(Library::isCached);
        } catch (IOException | UncheckedIOException e) {
            return false; // unpack() will say why
        }
    }

    /** Where the library that computes has been unpacked. */
    static Path torchCpu() {
        try {
            return find(LibTorch.build().equals("gpu")).stream()
                    .map(library -> library.cached().toPath())
                    .filter(path -> TORCH_CPU.matcher(path.toString()).find())
                    .findFirst()
                    .orElseThrow(() -> new IOException("this jar has no libtorch_cpu"));
        } catch (IOException | UncheckedIOException e) {
            throw explain(e);
        }
    }

    static void unpack(boolean gpu, Consumer<String> progress) {
        try {
            unpack("LibTorch", find(gpu), progress);
        } catch (IOException | UncheckedIOException e) {
            throw explain(e);
        }
    }

    /** The libraries of CUDA that come with the build for the GPU. */
    static Set<String> cudaNames() {
        try {
            return cudaLibraries(Loader.getPlatform()).keySet();
        } catch (IOException | UncheckedIOException e) {
            throw explain(e);
        }
    }

    /**
     * Unpacks libraries of CUDA that come with the build for the GPU.
     *
     * @param wanted tells them by their names
     * @return where each is now, by its name
     */
    static Map<String, String> unpackCuda(Predicate<String> wanted, Consumer<String> progress) {
        try {
            Map<String, Library> libraries = cudaLibraries(Loader.getPlatform());
            libraries.keySet().removeIf(wanted.negate());
            unpack("CUDA's " + String.join(", ", libraries.keySet()), List.copyOf(libraries.values()), progress);
            Map<String, String> paths = new HashMap<>();
            libraries.forEach(
                    (name, library) -> paths.put(name, library.cached().getAbsolutePath()));
            return paths;
        } catch (IOException | UncheckedIOException e) {
            throw explain(e);
        }
    }

    private static void unpack(String what, List<Library> libraries, Consumer<String> progress) throws IOException {
        List<Library> missing =
                libraries.stream().filter(library -> !library.isCached()).toList();
        if (missing.isEmpty()) {
            return;
        }
        long megabytes = Math.max(1, missing.stream().mapToLong(Library::size).sum() / 1_000_000);
        progress.accept("Unpacking " + what + ", once (" + megabytes + " MB into " + Loader.getCacheDir() + ") ...");
        for (Library library : missing) {
            // Takes the lock of the cache and looks again: another process may have been faster.
            Loader.cacheResource(library.url());
            if (library.cached().getName().equals("libopenblas.so.0")) {
                linkSecondName(library.cached().toPath());
            }
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

    /** Whether the bridges between Java and another LibTorch can be loaded at once. */
    static boolean areBridgesUnpacked() {
        try {
            return bridges().stream().allMatch(Library::isCached);
        } catch (IOException | UncheckedIOException e) {
            return false; // unpackBridges() will say why
        }
    }

    static void unpackBridges(Consumer<String> progress) {
        try {
            unpack("the bridge to LibTorch", bridges(), progress);
        } catch (IOException | UncheckedIOException e) {
            throw explain(e);
        }
    }

    /** Of the jar's libraries, those that know Java: JavaCPP's own, LibTorch's, and that of Gloo. */
    private static List<Library> bridges() throws IOException {
        return find(/* gpu= */ false).stream()
                .filter(library -> BRIDGE.matcher(library.cached().getName()).matches())
                .toList();
    }

    /**
     * Loads another LibTorch than the jar's. JavaCPP takes no part in it, then and later: it would load what the jar has as
     * well, and two copies of one library end the process. OpenBLAS, which only the jar's needs, stays away.
     */
    static void loadExternal(ExternalLibTorch libTorch) {
        System.setProperty(LOAD_LIBRARIES, "false");
        startLoadingClasses();
        try {
            loadBridge("jnijavacpp");
        } catch (UnsatisfiedLinkError e) {
            throw explain(e); // it needs nothing of LibTorch: what is wrong is the cache
        }
        libTorch.toLoad().forEach(library -> System.load(library.toString()));
        loadBridge("jnitorch");
        requireNoOther(libTorch);
    }

    /** The linker tells on Linux what it has loaded; one that took a library from elsewhere has mixed two builds. */
    private static void requireNoOther(ExternalLibTorch libTorch) {
        List<String> mapped;
        try {
            mapped = Files.readAllLines(Path.of("/proc/self/maps"));
        } catch (IOException e) {
            return; // another system
        }
        for (Path library : libTorch.toLoad()) {
            String name = "/" + library.getFileName();
            for (String line : mapped) {
                String file = line.substring(Math.max(0, line.indexOf('/')));
                if (line.endsWith(name) && !isSameFile(Path.of(file), library)) {
                    throw new UnsatisfiedLinkError("the linker took " + file + " instead of " + library);
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

    /**
     * Loads a bridge to what another LibTorch brings; nothing, if it is loaded already.
     *
     * @throws UnsatisfiedLinkError if the jar has none on this system, or the linker cannot load it
     */
    static void loadBridge(String name) {
        try {
            for (Library library : bridges()) {
                if (library.cached().getName().matches("(lib)?" + name + "\\.(so|dylib|dll)")) {
                    System.load(library.cached().getAbsolutePath());
                    return;
                }
            }
        } catch (IOException | UncheckedIOException e) {
            throw explain(e);
        }
        throw new UnsatisfiedLinkError("this jar has no " + name + " for " + Loader.getPlatform());
    }

    private static void startLoadingClasses() {
        Thread classes = new Thread(NativeLibraries::loadClasses, "LibTorch classes");
        classes.setDaemon(true);
        classes.start();
    }

    /** Loads LibTorch, and meanwhile, on another thread, the classes that it asks for when it is loaded. */
    static void load(boolean gpu) {
        initializeUnchecked("org.bytedeco.openblas.presets.openblas");
        initializeUnchecked("org.bytedeco.openblas.presets.openblas_nolapack");
        startLoadingClasses();
        // With another BLAS or another LibTorch, JavaCPP chooses what to load.
        if (!gpu && System.getProperty("org.bytedeco.openblas.load") == null) {
            link();
        }
        Loader.load(torch.class);
    }

    /**
     * Initializes a class of a preset that is older than JavaCPP, which compares the two versions there and warns on standard
     * error. It does not when it is told to load nothing.
     */
    private static void initializeUnchecked(String preset) {
        String before = System.getProperty(LOAD_LIBRARIES);
        System.setProperty(LOAD_LIBRARIES, "false");
        try {
            Class.forName(preset, /* initialize= */ true, NativeLibraries.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e); // a dependency of this project
        } finally {
            if (before == null) {
                System.clearProperty(LOAD_LIBRARIES);
            } else {
                System.setProperty(LOAD_LIBRARIES, before);
            }
        }
    }

    /** The linker's work, most of it for one library, before JavaCPP does its own; it then finds everything loaded. */
    private static void link() {
        try {
            List<Library> libraries = find(/* gpu= */ false);
            for (String name : LINKED) {
                for (Library library : libraries) {
                    if (library.cached().getName().equals(name)) {
                        System.load(library.cached().getAbsolutePath());
                    }
                }
            }
        } catch (IOException | UncheckedIOException | UnsatisfiedLinkError e) {
            // JavaCPP tries again, and its failure says why.
        }
    }

    /** LibTorch's JNI library looks up nearly every class of its package by name. */
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
        } catch (IOException | ClassNotFoundException | LinkageError e) {
            // Whoever needs the class will load it, and say why it cannot.
        }
    }

    /** The sentence for a person behind a failure to unpack or load. */
    static LibTorchException explain(Throwable cause) {
        // JavaCPP says last where else it has looked; why the library in the cache would not do lies below that.
        Throwable root = cause;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return new LibTorchException(
                "LibTorch could not be loaded from " + cacheDirectory() + ": " + LibTorch.firstLine(root)
                        + "; if that folder is full, read-only or mounted noexec, name another with"
                        + " -Dorg.bytedeco.javacpp.cachedir=FOLDER",
                cause);
    }

    static String cacheDirectory() {
        try {
            return Loader.getCacheDir().toString();
        } catch (IOException e) {
            return "the cache folder (" + LibTorch.firstLine(e) + ")";
        }
    }

    /** Shared libraries of one build in the jars of the presets; empty for jars that are plain folders. */
    private static synchronized List<Library> find(boolean gpu) throws IOException {
        List<Library> found = FOUND.get(gpu);
        if (found == null) {
            found = find(Loader.getPlatform(), gpu);
            FOUND.put(gpu, found);
        }
        return found;
    }

    private static List<Library> find(String platform, boolean gpu) throws IOException {
        List<Library> libraries = new ArrayList<>();
        for (String folder : List.of(
                "org/bytedeco/javacpp/" + platform + "/",
                "org/bytedeco/openblas/" + platform + "/",
                gpu ? gpuFolder(platform) : "org/bytedeco/pytorch/" + platform + "/")) {
            URL url = NativeLibraries.class.getResource("/" + folder);
            if (url == null) {
                throw new IOException("this jar carries no native build in " + folder);
            }
            libraries.addAll(inJarOf(url, folder));
        }
        return libraries;
    }

    private static String gpuFolder(String platform) {
        return "org/bytedeco/pytorch/" + platform + "-gpu/";
    }

    /** By name, in two jars: what NVIDIA lets others distribute, and the bridges to Java. */
    private static Map<String, Library> cudaLibraries(String platform) throws IOException {
        String folder = "org/bytedeco/cuda/" + platform + "/";
        Map<String, Library> libraries = new TreeMap<>();
        for (URL url : Collections.list(NativeLibraries.class.getClassLoader().getResources(folder))) {
            inJarOf(url, folder)
                    .forEach(library -> libraries.putIfAbsent(library.cached().getName(), library));
        }
        return libraries;
    }

    private static List<Library> inJarOf(URL url, String folder) throws IOException {
        if (!(url.openConnection() instanceof JarURLConnection connection)) {
            return List.of();
        }
        // The jar stays open: it is the class loader's own, shared by every such connection.
        return connection.getJarFile().stream()
                .filter(entry -> isLibrary(entry, folder))
                .map(entry -> Library.of(connection.getJarFileURL(), entry))
                .toList();
    }

    private static boolean isLibrary(JarEntry entry, String folder) {
        String name = entry.getName();
        if (!name.startsWith(folder) || name.indexOf('/', folder.length()) >= 0) {
            return false;
        }
        // libopenblas_full is a second interface to the same library that nothing here uses.
        return name.matches(".*\\.(so(\\.\\d+)*|dylib|dll)") && !name.contains("jniopenblas_full");
    }

    private record Library(URL url, File cached, long size, long time) {
        static Library of(URL jar, JarEntry entry) {
            try {
                URL url = URI.create("jar:" + jar + "!/" + entry.getName()).toURL();
                File folder = new File(Loader.getCacheDir(), fileName(jar));
                return new Library(url, new File(folder, entry.getName()), entry.getSize(), entry.getTime());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** As the file system has it: a URL writes {@code %20} for a space. */
        private static String fileName(URL jar) {
            return new File(URI.create(jar.toString()).getPath()).getName();
        }

        /** JavaCPP's own rule for a library that is already there: same size, same time. */
        boolean isCached() {
            return cached.length() == size && cached.lastModified() == time;
        }
    }
}
