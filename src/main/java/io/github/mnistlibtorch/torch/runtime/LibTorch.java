package io.github.mnistlibtorch.torch.runtime;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_gloo;
import org.bytedeco.pytorch.global.torch_nccl;
import org.jspecify.annotations.Nullable;

/**
 * Starts the native library: the one place that decides how LibTorch is unpacked, loaded and threaded.
 *
 * <p>Call {@link #start()} before any class of {@code org.bytedeco.pytorch} is touched. It is safe to call
 * again, from any thread; the first call does the work. What it does, and why:
 *
 * <ol>
 *   <li>sets the JavaCPP properties that have to be there before the first {@code Pointer};
 *   <li>finds out which LibTorch is asked for ({@link #use}, {@code LIBTORCH_USE_PYTORCH}, {@code LIBTORCH}); what follows is for
 *       the jar's own. Of another, only the JNI libraries are unpacked, its libraries are loaded from where they are, JavaCPP
 *       loads nothing then or later, and MKL and ATen get one thread together;
 *   <li>finds out whether a GPU can be used, and takes the build of LibTorch for the GPU only if one can;
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

    /** Whether the start in the background is still finding out which LibTorch is asked for. */
    private static volatile boolean asking;

    /** What {@link #use} was told. */
    private static volatile @Nullable String source;

    /** {@code c10::LogSeverity} of errors. */
    private static final int LOG_LEVEL_ERROR = 2;

    private static final Object LOOKING = new Object();

    private static boolean looked; // guarded by LOOKING, like what was found
    private static @Nullable ExternalLibTorch found;
    private static @Nullable UnusableLibTorchException unusable;

    /** The one that was loaded instead of the jar's; set before the start ends. */
    private static volatile @Nullable ExternalLibTorch external;

    /** Of a LibTorch that is not the jar's. */
    private static volatile int threads = 1;

    /** What the start found out about GPUs; set before it ends. */
    private static volatile Cuda cuda = Cuda.notUsed("LibTorch has not started");

    /** Which build the start has loaded; set before it ends. */
    private static volatile String build = "none yet";

    /** JavaCPP's word for the build: empty for the CPU's alone, {@link #GPU}, or unset for the first that it finds. */
    private static final String EXTENSION = "org.bytedeco.javacpp.platform.extension";

    private static final String GPU = "-gpu";

    private LibTorch() {}

    /**
     * Chooses which LibTorch to load, whatever the environment variables {@code LIBTORCH} and {@code LIBTORCH_USE_PYTORCH}
     * say; to be called before the start.
     *
     * @param source {@code bundled} for the one in the jar, {@code python} for that of {@code python3} or of the Python that
     *     {@code LIBTORCH_PYTHON} names, or the folder of another
     */
    public static void use(String source) {
        LibTorch.source = source;
    }

    /**
     * Chooses the LibTorch of a Python, as {@code use("python")} does, for what runs on no other.
     *
     * @throws UnusableLibTorchException if another has been chosen
     */
    public static void usePython() {
        if (source != null && !source.equals(LibTorchSource.OF_PYTHON)) {
            throw new UnusableLibTorchException("compare runs on Python's own LibTorch; leave --libtorch out");
        }
        source = LibTorchSource.OF_PYTHON_ALONE;
    }

    /** The Python whose LibTorch {@code use("python")} chooses: a path, or a name to look for on the path. */
    public static String python() {
        return requireNonNull(
                LibTorchSource.of(LibTorchSource.OF_PYTHON, System.getenv()).python());
    }

    /** The version of LibTorch that this program needs, for example {@code 2.13.0}. */
    public static String version() {
        return Environment.version("pytorch").replaceFirst("-.*", "");
    }

    /**
     * Loads LibTorch, silently; one thread each for ATen and the BLAS.
     *
     * @throws UnusableLibTorchException if another LibTorch than the jar's is asked for, and cannot be used
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
        start(progress, /* gpu= */ true);
    }

    /**
     * Loads LibTorch.
     *
     * @param progress told, in a sentence, when the libraries have to be unpacked first (a few seconds, once)
     * @param gpu whether a GPU is of use; if not, or if none can be used, the build for the CPU is loaded
     * @throws LibTorchException if the library cannot be unpacked or loaded, in one sentence with the remedy
     */
    public static void start(Consumer<String> progress, boolean gpu) {
        FutureTask<@Nullable Void> task = startOnce(progress, gpu);
        task.run(); // does nothing if it has been run, or is being run
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    task.get();
                    if (external != null) {
                        // MKL counts the threads of each thread that calls it; the start may have run on another.
                        torch.set_num_threads(threads);
                    }
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
                        // With the build for the GPU there, whether to load it depends on what the program is asked
                        // for.
                        if (isQuick()) {
                            startOnce(message -> {}, /* gpu= */ true).run();
                        }
                    },
                    "LibTorch start");
            background.setDaemon(true);
            background.start();
        }
    }

    private static boolean isQuick() {
        try {
            asking = true;
            ExternalLibTorch other = external();
            asking = false;
            return other == null
                    ? !NativeLibraries.hasGpuBuild() && NativeLibraries.areUnpacked()
                    : !other.hasCuda() && NativeLibraries.areBridgesUnpacked();
        } catch (LibTorchException e) {
            asking = false;
            return false; // start() will say why
        }
    }

    /**
     * Waits for a start in the background, however it ends: a process must not exit while a library is being loaded. It need
     * not wait for a Python that does not answer.
     */
    public static void finishStart() {
        Thread thread = inBackground();
        try {
            if (thread != null) {
                if (asking) {
                    thread.interrupt();
                }
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static synchronized @Nullable Thread inBackground() {
        return background;
    }

    /** Whether LibTorch can use a GPU, once it has started. */
    public static Cuda cuda() {
        return cuda;
    }

    /** The build that was loaded: {@code cpu}, or {@code gpu}, which computes on the CPU as well, or {@code external}. */
    static String build() {
        return build;
    }

    private static synchronized FutureTask<@Nullable Void> startOnce(Consumer<String> progress, boolean gpu) {
        if (start == null) {
            start = new FutureTask<>(() -> load(progress, gpu), null);
        }
        return start;
    }

    /** The LibTorch that is asked for; looked for once, as a Python may have to be asked for it. */
    private static @Nullable ExternalLibTorch external() {
        synchronized (LOOKING) {
            if (!looked) {
                looked = true;
                try {
                    found = ExternalLibTorch.find(LibTorchSource.of(source, System.getenv()));
                } catch (UnusableLibTorchException e) {
                    unusable = e;
                }
            }
            if (unusable != null) {
                throw unusable;
            }
            return found;
        }
    }

    private static void load(Consumer<String> progress, boolean gpu) {
        ExternalLibTorch other = external();
        if (other == null) {
            loadBundled(progress, gpu);
        } else {
            loadExternal(other, progress, gpu);
        }
        logErrorsOnly();
    }

    /**
     * Hides what LibTorch logs below errors, as {@code TORCH_CPP_LOG_LEVEL=ERROR} does: otherwise every convolution logs, on a
     * processor that NNPACK does not know, that it does not. Warnings ({@code TORCH_WARN}) are not part of that log.
     */
    private static void logErrorsOnly() {
        Pointer level = Loader.addressof("FLAGS_caffe2_log_level");
        if (level != null && System.getenv("TORCH_CPP_LOG_LEVEL") == null) {
            new IntPointer(level).put(LOG_LEVEL_ERROR);
        }
    }

    private static void loadExternal(ExternalLibTorch other, Consumer<String> progress, boolean gpu) {
        NativeConfig.CPU.apply();
        NativeLibraries.unpackBridges(progress);
        try {
            NativeLibraries.loadExternal(other);
        } catch (LinkageError e) {
            throw new LibTorchException(
                    other.asked() + ": the libraries in " + other.folder() + " cannot be loaded (" + firstLine(e)
                            + "); install that LibTorch again, or say --libtorch bundled",
                    e);
        }
        external = other;
        build = "external";
        cuda = gpu ? Cuda.of(other) : Cuda.notUsed("the CPU was asked for");
        threads = NativeConfig.CPU.getInt("aten.threads");
        torch.set_num_threads(threads);
    }

    private static void loadBundled(Consumer<String> progress, boolean gpu) {
        String chosen = System.getProperty(EXTENSION);
        NativeConfig.CUDA.apply();
        try {
            // Before either build is loaded: with a library missing, half of the GPU's would be, and end the process.
            CudaProbe probe = new SystemCudaProbe(progress);
            cuda = diagnose(probe, gpu, chosen);
            boolean useGpu = chosen == null ? cuda.isAvailable() : chosen.equals(GPU);
            if (useGpu && !cuda.isAvailable()) {
                requireLoadable(probe);
            }
            NativeConfig config = useGpu ? NativeConfig.CUDA : NativeConfig.CPU;
            config.apply();
            Loader.loadProperties(/* forceReload= */ true); // JavaCPP may have read them for the probe
            NativeLibraries.unpack(useGpu, progress);
            NativeLibraries.load(useGpu);
            build = useGpu ? "gpu" : "cpu";
            torch.set_num_threads(config.getInt("aten.threads"));
            blasUse(config.getInt("blas.threads"));
        } catch (LinkageError e) {
            throw NativeLibraries.explain(e);
        }
    }

    private static Cuda diagnose(CudaProbe probe, boolean gpu, @Nullable String chosen) {
        if (chosen != null && !chosen.equals(GPU)) {
            return Cuda.notUsed("-D" + EXTENSION + "=" + chosen + " chooses another build of LibTorch");
        }
        return gpu ? Cuda.diagnose(probe, NativeConfig.CUDA) : Cuda.notUsed("the CPU was asked for");
    }

    /** For the build for the GPU without a GPU. */
    private static void requireLoadable(CudaProbe probe) {
        List<String> missing = probe.hasBuild()
                ? probe.missingLibraries()
                : List.of("those of " + NativeConfig.CUDA.get("gpu.folder") + "/");
        if (!missing.isEmpty()) {
            throw new LibTorchException(
                    "LibTorch's build for the GPU, which -D" + EXTENSION + "=" + GPU
                            + " asks for, cannot be loaded: these libraries are missing: " + String.join(", ", missing),
                    null);
        }
    }

    /**
     * Number of threads that multiply matrices ({@code torch.set_num_threads(n)}). With the jar's LibTorch all else that ATen
     * does keeps to one thread: its pool and that of OpenBLAS, both larger than one, slow each other down a hundredfold. MKL
     * shares ATen's pool, so that another LibTorch has this many threads for everything, as in Python.
     *
     * @param threads at least 1
     * @throws IllegalArgumentException if {@code threads} is not positive
     */
    public static void setNumThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("set_num_threads expects a positive integer, but got " + threads);
        }
        if (external == null) {
            openblas_nolapack.blas_set_num_threads(threads);
        } else {
            LibTorch.threads = threads;
            torch.set_num_threads(threads);
        }
    }

    /** Number of threads that multiply matrices: {@code torch.get_num_threads()}. */
    static int numThreads() {
        return external == null ? openblas_nolapack.blas_get_num_threads() : torch.get_num_threads();
    }

    /**
     * Loads the part of LibTorch by which processes talk, Gloo.
     *
     * @throws LinkageError if there is none on this system
     */
    public static void loadGloo() {
        if (external == null) {
            Loader.load(torch_gloo.class);
        } else {
            NativeLibraries.loadBridge("jnitorch_gloo");
        }
    }

    /**
     * Loads the part of LibTorch by which GPUs talk, NCCL.
     *
     * @throws LinkageError if it is not there; a bridge to it comes with the build for the GPU that lies beside the jar alone
     */
    public static void loadNccl() {
        if (external != null) {
            throw new UnsatisfiedLinkError("the jar has no bridge to the NCCL of " + external.folder());
        }
        Loader.load(torch_nccl.class);
    }

    /** Whether the LibTorch that was loaded is the jar's. */
    public static boolean isBundled() {
        return external == null;
    }

    /** The LibTorch that was loaded instead of the jar's. */
    static @Nullable ExternalLibTorch loadedExternal() {
        return external;
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
    private static void blasUse(int threads) {
        Map<String, String> loaded = Loader.getLoadedLibraries();
        // The setter looks its function up among the global symbols; JavaCPP loads libraries with local ones.
        for (String name : Set.of("openblas@.0", "libopenblas")) {
            String path = loaded.get(name);
            if (path != null) {
                Loader.loadGlobal(path);
            }
        }
        openblas_nolapack.blas_set_num_threads(threads);
    }
}
