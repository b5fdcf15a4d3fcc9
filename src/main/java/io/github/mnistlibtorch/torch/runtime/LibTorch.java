package io.github.mnistlibtorch.torch.runtime;

import static java.util.Objects.requireNonNull;

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
    /** {@code c10::LogSeverity} of errors. */
    private static final int LOG_LEVEL_ERROR = 2;

    /** Of what ends the process. */
    private static final int LOG_LEVEL_FATAL = 3;

    /** What {@link #use} was told. */
    private static volatile @Nullable String source;

    /** Held by who starts; who comes later waits, and gets the same failure if it failed. */
    private static final Object START = new Object();

    private static boolean looked; // guarded by START, like the next two
    private static boolean started;
    private static @Nullable LibTorchException failure;

    private static volatile boolean ready;

    private static volatile @Nullable Thread background;

    /** Whether a Python may be asked for its LibTorch right now. */
    private static volatile boolean asking;

    /** The one to use instead of the jar's; set before the start ends. */
    private static volatile @Nullable ExternalLibTorch external;

    /** Of a LibTorch that is not the jar's. */
    private static volatile int threads = 1;

    /** Set before the start ends. */
    private static volatile Build build = new Build("none yet", Cuda.notUsed("LibTorch has not started"));

    /**
     * What was loaded.
     *
     * @param name {@code cpu}, or {@code gpu}, which computes on the CPU as well, or {@code external}
     * @param cuda whether it can use a GPU
     */
    record Build(String name, Cuda cuda) {}

    private static final String MEMORY_LIMIT = "org.bytedeco.javacpp.maxPhysicalBytes";

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

    /** Loads LibTorch, silently, as {@link #start(Consumer, boolean)} does. */
    public static void start() {
        start(message -> {});
    }

    /** Loads LibTorch, for a GPU if there is one, as {@link #start(Consumer, boolean)} does. */
    public static void start(Consumer<String> progress) {
        start(progress, /* gpu= */ true);
    }

    /**
     * Loads LibTorch, as {@link #start()} does, if it has not started. What needs LibTorch calls this, so that a program need not;
     * one that makes native objects of its own before should, as JavaCPP limits the memory of the process when its first class
     * is loaded.
     */
    public static void ensureStarted() {
        if (!ready) {
            start();
            // Too late, if a native object was made before.
            if (Pointer.maxPhysicalBytes() > 0 && "0".equals(System.getProperty(MEMORY_LIMIT))) {
                Warnings.warn("JavaCPP ends the program when it takes more than "
                        + Pointer.maxPhysicalBytes() / 1_000_000
                        + " MB of memory; call LibTorch.start() first in main, or set -D" + MEMORY_LIMIT + "=0");
            }
            ready = true;
        }
    }

    /**
     * Loads LibTorch; one thread each for ATen and the BLAS.
     *
     * @param progress told, in a sentence, when the libraries have to be unpacked first (a few seconds, once)
     * @param gpu whether a GPU is of use; if not, or if none can be used, the build for the CPU is loaded
     * @throws UnusableLibTorchException if another LibTorch than the jar's is asked for, and cannot be used
     * @throws LibTorchException if the library cannot be unpacked or loaded, in one sentence with the remedy
     */
    public static void start(Consumer<String> progress, boolean gpu) {
        synchronized (START) {
            startOnce(progress, gpu);
            if (failure != null) {
                throw failure;
            }
        }
        if (external != null) {
            // MKL counts the threads of each thread that calls it; the start may have run on another.
            torch.set_num_threads(threads);
        }
    }

    /** The caller holds {@link #START}. */
    private static void startOnce(Consumer<String> progress, boolean gpu) {
        if (started) {
            return;
        }
        started = true;
        try {
            look();
            if (failure == null) {
                load(progress, gpu);
                LibraryCache.choose().removeOthers();
            }
        } catch (Throwable e) { // thrown by each start
            failure = e instanceof LibTorchException known ? known : NativeLibraries.explain(e);
        }
    }

    /** Finds the LibTorch that is asked for; once, as a Python may have to be asked. The caller holds {@link #START}. */
    private static void look() {
        if (looked) {
            return;
        }
        looked = true;
        asking = true;
        try {
            external = ExternalLibTorch.find(LibTorchSource.of(source, System.getenv()));
        } catch (UnusableLibTorchException e) {
            failure = e;
        } finally {
            asking = false;
        }
    }

    /**
     * Begins to load LibTorch on a thread of its own, if it need not be unpacked first. {@link #start} waits for it, and
     * tells what went wrong. A program that may end without that calls {@link #finishStart} first.
     */
    public static synchronized void startInBackground() {
        if (background == null) {
            Thread thread = new Thread(LibTorch::startIfQuick, "LibTorch start");
            thread.setDaemon(true);
            thread.start();
            background = thread;
        }
    }

    private static void startIfQuick() {
        synchronized (START) {
            look();
            if (failure == null && isQuick(external)) {
                startOnce(message -> {}, /* gpu= */ true);
            }
        }
    }

    /** With the build for the GPU there, whether to load it depends on what the program is asked for. */
    private static boolean isQuick(@Nullable ExternalLibTorch other) {
        try {
            return other == null
                    ? !NativeLibraries.hasGpuBuild()
                            && NativeLibraries.areUnpacked(NativeLibraries.find(/* gpu= */ false))
                    : !other.hasCuda() && NativeLibraries.areUnpacked(NativeLibraries.bridges());
        } catch (LibTorchException e) {
            return false; // start() will say why
        }
    }

    /**
     * Waits for a start in the background, however it ends: a process must not exit while a library is being loaded. It need
     * not wait for a Python that does not answer.
     */
    public static void finishStart() {
        Thread thread = background;
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

    /** Whether LibTorch can use a GPU, once it has started. */
    public static Cuda cuda() {
        return build.cuda();
    }

    /** The name of the build that was loaded. */
    static String build() {
        return build.name();
    }

    private static void load(Consumer<String> progress, boolean gpu) {
        if (external == null) {
            build = BundledLibTorch.load(progress, gpu);
        } else {
            build = external.load(progress, gpu);
            setNumThreads(NativeConfig.CPU.getInt("aten.threads"));
        }
        logFrom(LOG_LEVEL_ERROR);
    }

    /**
     * Hides what LibTorch logs below errors, as {@code TORCH_CPP_LOG_LEVEL=ERROR} does: otherwise every convolution logs, on a
     * processor that NNPACK does not know, that it does not. Warnings ({@code TORCH_WARN}) are not part of that log. With a
     * {@code TORCH_CPP_LOG_LEVEL} in the environment, that counts.
     */
    private static void logFrom(int severity) {
        Pointer level = Loader.addressof("FLAGS_caffe2_log_level");
        if (level != null && System.getenv("TORCH_CPP_LOG_LEVEL") == null) {
            new IntPointer(level).put(severity);
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
     * Loads the part of LibTorch by which processes talk, Gloo. From then on LibTorch logs no errors: of a connection that fails, it
     * would log what it throws as well.
     *
     * @throws LinkageError if there is none on this system
     */
    public static void loadGloo() {
        if (external == null) {
            Loader.load(torch_gloo.class);
        } else {
            NativeLibraries.loadBridge("jnitorch_gloo");
        }
        logFrom(LOG_LEVEL_FATAL);
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

    /** Whether LibTorch is the jar's; to be asked after {@link #start}. */
    public static boolean isBundled() {
        return external == null;
    }

    /** The LibTorch that is loaded instead of the jar's. */
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

    /** What began it: the last of its causes. */
    public static Throwable rootCause(Throwable error) {
        Throwable root = error;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }
}
