package io.github.mnistlibtorch.libtorch;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.jar.JarEntry;
import org.bytedeco.javacpp.Loader;

/** Unpacks the native libraries of the jar into JavaCPP's cache, all of them before the first is loaded. */
final class NativeLibraries {
    private static final List<String> PRESETS = List.of("javacpp", "openblas", "pytorch");

    private NativeLibraries() {}

    static void unpack(Consumer<String> progress) {
        try {
            List<Library> missing = new ArrayList<>();
            for (Library library : find(Loader.getPlatform())) {
                if (!library.isCached()) {
                    missing.add(library);
                }
            }
            if (missing.isEmpty()) {
                return;
            }
            long megabytes = missing.stream().mapToLong(Library::size).sum() / 1_000_000;
            progress.accept("Unpacking LibTorch, once (" + megabytes + " MB into " + Loader.getCacheDir() + ") ...");
            for (Library library : missing) {
                // Takes the lock of the cache and looks again: another process may have been faster.
                Loader.cacheResource(library.url());
            }
        } catch (IOException | UncheckedIOException e) {
            throw explain(e);
        }
    }

    /** The sentence for a person behind a failure to unpack or load. */
    static LibTorchException explain(Throwable cause) {
        return new LibTorchException(
                "LibTorch could not be loaded from " + cacheDirectory() + ": " + LibTorch.firstLine(cause)
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

    /** Shared libraries of {@code platform} in the jars of the presets; empty for jars that are plain folders. */
    private static List<Library> find(String platform) throws IOException {
        List<Library> libraries = new ArrayList<>();
        for (String preset : PRESETS) {
            String folder = "org/bytedeco/" + preset + "/" + platform + "/";
            URL url = NativeLibraries.class.getResource("/" + folder);
            if (url == null) {
                throw new UncheckedIOException(
                        new IOException("this jar carries no native build of " + preset + " for " + platform));
            }
            if (!(url.openConnection() instanceof JarURLConnection connection)) {
                continue;
            }
            // The jar stays open: it is the class loader's own, shared by every such connection.
            connection.getJarFile().stream()
                    .filter(entry -> isLibrary(entry, folder))
                    .forEach(entry -> libraries.add(Library.of(connection.getJarFileURL(), entry)));
        }
        return libraries;
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
                File folder = new File(Loader.getCacheDir(), new File(jar.getPath()).getName());
                return new Library(url, new File(folder, entry.getName()), entry.getSize(), entry.getTime());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** JavaCPP's own rule for a library that is already there: same size, same time. */
        boolean isCached() {
            return cached.length() == size && cached.lastModified() == time;
        }
    }
}
