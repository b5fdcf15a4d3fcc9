package io.github.mnistlibtorch.torch.runtime;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Loads the LibTorch of the jar: the build for the GPU if one can be used, else that for the CPU. */
final class BundledLibTorch {
    /** JavaCPP's word for the build: empty for the CPU's alone, {@link #GPU}, or unset for the first that it finds. */
    private static final String EXTENSION = "org.bytedeco.javacpp.platform.extension";

    private static final String GPU = "-gpu";

    /** LibTorch and what it needs, in the order in which the linker wants them, as they are called on Linux. */
    private static final List<String> LINKED = List.of(
            "libgcc_s.so.1",
            "libquadmath.so.0",
            "libgfortran.so.5",
            "libopenblas.so.0",
            "libgomp.so.1",
            "libc10.so",
            "libtorch_cpu.so");

    private BundledLibTorch() {}

    /** @param gpu whether a GPU is of use */
    static LibTorch.Build load(Consumer<String> progress, boolean gpu) {
        String chosen = System.getProperty(EXTENSION);
        NativeConfig.CUDA.apply();
        try {
            // Before either build is loaded: with a library missing, half of the GPU's would be, and end the process.
            CudaProbe probe = new CudaProbe(progress);
            Cuda cuda = diagnose(probe, gpu, chosen);
            boolean useGpu = chosen == null ? cuda.isAvailable() : chosen.equals(GPU);
            if (useGpu && !cuda.isAvailable()) {
                requireLoadable(probe);
            }
            NativeConfig config = useGpu ? NativeConfig.CUDA : NativeConfig.CPU;
            config.apply();
            Loader.loadProperties(/* forceReload= */ true); // JavaCPP may have read them for the probe
            NativeLibraries.unpack("LibTorch", NativeLibraries.find(useGpu), progress);
            link(useGpu);
            torch.set_num_threads(config.getInt("aten.threads"));
            blasUse(config.getInt("blas.threads"));
            return new LibTorch.Build(useGpu ? "gpu" : "cpu", cuda);
        } catch (LinkageError e) {
            throw NativeLibraries.explain(e);
        }
    }

    private static Cuda diagnose(CudaProbe probe, boolean gpu, @Nullable String chosen) {
        if (chosen != null && !chosen.equals(GPU)) {
            return Cuda.notUsed("-D" + EXTENSION + "=" + chosen + " chooses another build of LibTorch");
        }
        return gpu ? Cuda.diagnose(probe, NativeConfig.CUDA) : Cuda.CPU_ASKED_FOR;
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

    private static void link(boolean gpu) {
        initializeUnchecked("org.bytedeco.openblas.presets.openblas");
        initializeUnchecked("org.bytedeco.openblas.presets.openblas_nolapack");
        NativeLibraries.startLoadingClasses();
        // With another BLAS or another LibTorch, JavaCPP chooses what to load.
        if (!gpu && System.getProperty("org.bytedeco.openblas.load") == null) {
            linkForCpu();
        }
        Loader.load(torch.class);
    }

    /**
     * Initializes a class of a preset that is older than JavaCPP, which compares the two versions there and warns on standard
     * error. It does not when it is told to load nothing.
     */
    private static void initializeUnchecked(String preset) {
        String before = System.getProperty(NativeLibraries.LOAD_LIBRARIES);
        System.setProperty(NativeLibraries.LOAD_LIBRARIES, "false");
        try {
            Class.forName(preset, /* initialize= */ true, BundledLibTorch.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e); // a dependency of this project
        } finally {
            if (before == null) {
                System.clearProperty(NativeLibraries.LOAD_LIBRARIES);
            } else {
                System.setProperty(NativeLibraries.LOAD_LIBRARIES, before);
            }
        }
    }

    /** The linker's work, most of it for one library, before JavaCPP does its own; it then finds everything loaded. */
    private static void linkForCpu() {
        try {
            for (String name : LINKED) {
                NativeLibraries.find(/* gpu= */ false).stream()
                        .filter(library -> library.name().equals(name))
                        .forEach(NativeLibraries.Library::load);
            }
        } catch (LibTorchException | UnsatisfiedLinkError e) {
            // JavaCPP tries again, and its failure says why.
        }
    }

    /** Also what makes {@link LibTorch#setNumThreads} work. */
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
