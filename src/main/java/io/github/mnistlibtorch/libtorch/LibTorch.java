package io.github.mnistlibtorch.libtorch;

import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/**
 * Starts the native library: the one place that decides how LibTorch is unpacked, loaded and threaded.
 *
 * <p>Call {@link #start()} before any class of {@code org.bytedeco.pytorch} is touched. It is safe to call
 * again, from any thread; the first call does the work. What it does, and why:
 *
 * <ol>
 *   <li>sets the JavaCPP properties that have to be there before the first {@code Pointer};
 *   <li>unpacks every native library before the first of them is loaded, so that a process started at the
 *       same time, or killed half-way, never leaves a library that the linker would map half-written;
 *   <li>gives OpenBLAS one thread and ATen one thread. The two libraries have pools of their own that
 *       compete for the cores; for matrices of this size one thread is the fastest, and it is what makes a
 *       result independent of the number of cores.
 * </ol>
 */
public final class LibTorch {
    /** JavaCPP's properties, unless the user has set them. */
    private static final Map<String, String> PROPERTIES = Map.of(
            // JavaCPP would read /proc/self/statm at every allocation, for a limit that cannot see tensor storage.
            "org.bytedeco.javacpp.maxPhysicalBytes", "0");

    private static boolean started;

    private LibTorch() {}

    /**
     * Loads LibTorch, silently; one thread each for ATen and the BLAS.
     *
     * @throws LibTorchException if the library cannot be unpacked or loaded, in one sentence with the remedy
     */
    public static void start() {
        start(message -> {});
    }

    /**
     * Loads LibTorch.
     *
     * @param progress told, in a sentence, when the libraries have to be unpacked first (a few seconds, once)
     * @throws LibTorchException if the library cannot be unpacked or loaded, in one sentence with the remedy
     */
    public static synchronized void start(Consumer<String> progress) {
        if (started) {
            return;
        }
        PROPERTIES.forEach((key, value) -> {
            if (System.getProperty(key) == null) {
                System.setProperty(key, value);
            }
        });
        NativeLibraries.unpack(progress);
        try {
            torch.set_num_threads(1);
            blasUseOneThread();
        } catch (LinkageError e) {
            throw NativeLibraries.explain(e);
        }
        started = true;
    }

    /**
     * Number of threads ATen uses inside an operation ({@code torch.set_num_threads(n)}); the BLAS keeps its one.
     *
     * @param threads at least 1
     * @throws IllegalArgumentException if {@code threads} is not positive
     */
    public static void setNumThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("set_num_threads expects a positive integer, but got " + threads);
        }
        torch.set_num_threads(threads);
    }

    /**
     * What a person needs to know of a failure inside LibTorch.
     *
     * @return the message of {@code error} without the native stack trace that C++ appends to it
     */
    public static String firstLine(Throwable error) {
        String message = error.getMessage();
        return message == null || message.isBlank()
                ? error.getClass().getSimpleName()
                : message.strip().lines().findFirst().orElseThrow();
    }

    private static void blasUseOneThread() {
        Map<String, String> loaded = Loader.getLoadedLibraries();
        // The setter looks its function up among the global symbols; JavaCPP loads libraries with local ones.
        for (String name : Set.of("openblas@.0", "libopenblas")) {
            String path = loaded.get(name);
            if (path != null) {
                Loader.loadGlobal(path);
            }
        }
        openblas_nolapack.blas_set_num_threads(1);
    }
}
