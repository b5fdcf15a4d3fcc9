package io.github.mnistlibtorch.libtorch;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

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
 *   <li>loads the libraries on one core and the classes that they will ask for on another;
 *   <li>gives OpenBLAS one thread and ATen one thread. The two libraries have pools of their own that
 *       compete for the cores; for matrices of this size one thread is the fastest, and it is what makes a
 *       result independent of the number of cores. {@link #setNumThreads} gives the BLAS more.
 * </ol>
 */
public final class LibTorch {
    /** Starts once; who comes later waits, and gets the same failure if it failed. */
    private static @Nullable FutureTask<@Nullable Void> start; // guarded by the class

    private static @Nullable Thread background; // guarded by the class

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
    public static void start(Consumer<String> progress) {
        FutureTask<@Nullable Void> task = startOnce(progress);
        task.run(); // does nothing if it has been run, or is being run
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    task.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true; // half a start is no state to go on from
                } catch (ExecutionException e) {
                    Throwable cause = e.getCause() == null ? e : e.getCause();
                    throw cause instanceof LibTorchException known ? known : NativeLibraries.explain(cause);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Begins to load LibTorch on a thread of its own, if it need not be unpacked first. {@link #start} waits for it, and
     * tells what went wrong. A program that may end without that calls {@link #finishStart} first.
     */
    public static synchronized void startInBackground() {
        if (start == null && background == null) {
            background = new Thread(
                    () -> {
                        if (NativeLibraries.areUnpacked()) {
                            startOnce(message -> {}).run();
                        }
                    },
                    "LibTorch start");
            background.setDaemon(true);
            background.start();
        }
    }

    /** Waits for a start in the background, however it ends: a process must not exit while a library is being loaded. */
    public static void finishStart() {
        Thread thread = inBackground();
        try {
            if (thread != null) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static synchronized @Nullable Thread inBackground() {
        return background;
    }

    private static synchronized FutureTask<@Nullable Void> startOnce(Consumer<String> progress) {
        if (start == null) {
            start = new FutureTask<>(() -> load(progress), null);
        }
        return start;
    }

    private static void load(Consumer<String> progress) {
        // JavaCPP would read /proc/self/statm at every allocation, for a limit that cannot see tensor storage.
        setUnlessSet("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        if (!NativeLibraries.includeGpuBuild()) {
            // JavaCPP would look for every library of CUDA in every folder where it might be.
            setUnlessSet("org.bytedeco.javacpp.platform.extension", "");
        }
        NativeLibraries.unpack(progress);
        try {
            NativeLibraries.load();
            torch.set_num_threads(1);
            blasUseOneThread();
        } catch (LinkageError e) {
            throw NativeLibraries.explain(e);
        }
    }

    private static void setUnlessSet(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    /**
     * Number of threads that multiply matrices ({@code torch.set_num_threads(n)}). All else that ATen does keeps to one
     * thread: its pool and that of the BLAS, both larger than one, slow each other down a hundredfold.
     *
     * @param threads at least 1
     * @throws IllegalArgumentException if {@code threads} is not positive
     */
    public static void setNumThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("set_num_threads expects a positive integer, but got " + threads);
        }
        openblas_nolapack.blas_set_num_threads(threads);
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

    /** Also what makes {@link #setNumThreads} work. */
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
