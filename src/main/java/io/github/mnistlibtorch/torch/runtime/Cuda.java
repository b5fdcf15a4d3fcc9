package io.github.mnistlibtorch.torch.runtime;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * Whether LibTorch can use a GPU here, and if not, why.
 *
 * @param gpus those that can be used, by their index; none if there is a reason
 * @param withoutCode those that CUDA shows and this build has no code for
 * @param reason why no GPU is used, without a full stop and with what to do about it; {@code null} if one can be
 */
public record Cuda(
        List<Gpu> gpus, List<Gpu> withoutCode, @Nullable String reason) {
    /**
     * A GPU.
     *
     * @param index as in {@code cuda:0}
     * @param name of its maker; empty if it is not known
     * @param major of its compute capability, for example 9 of 9.0; 0 if it is not known
     * @param minor of its compute capability, for example 0 of 9.0
     */
    public record Gpu(int index, String name, int major, int minor) {
        @Override
        public String toString() {
            return name.isEmpty()
                    ? "cuda:" + index
                    : "cuda:" + index + " (" + name + ", compute capability " + major + "." + minor + ")";
        }
    }

    static final Cuda CPU_ASKED_FOR = notUsed("the CPU was asked for");

    public Cuda {
        gpus = List.copyOf(gpus);
        withoutCode = List.copyOf(withoutCode);
    }

    public boolean isAvailable() {
        return reason == null;
    }

    /** The GPUs in words, or the reason why there is none. */
    @Override
    public String toString() {
        if (reason != null) {
            return "not used: " + reason;
        }
        return list(gpus) + (withoutCode.isEmpty() ? "" : "; this build has no code for " + list(withoutCode));
    }

    private static String list(List<Gpu> gpus) {
        return gpus.stream().map(Gpu::toString).collect(Collectors.joining(", "));
    }

    static Cuda notUsed(String reason) {
        return new Cuda(List.of(), List.of(), reason);
    }

    /** What another LibTorch than the jar's, which is loaded, can use. Its build says neither names nor architectures. */
    static Cuda of(ExternalLibTorch libTorch) {
        if (!libTorch.hasCuda()) {
            return notUsed("LibTorch " + libTorch.version() + " is a build for the CPU");
        }
        try {
            libTorch.toLoadForCuda().forEach(library -> System.load(library.toString()));
        } catch (UnsatisfiedLinkError e) {
            return notUsed("the libraries for the GPU in " + libTorch.folder() + " cannot be loaded: "
                    + LibTorch.firstLine(e));
        }
        int count = torch.cuda_is_available() ? torch.cuda_device_count() : 0;
        return count == 0
                ? notUsed("LibTorch finds no GPU, or no NVIDIA driver")
                : new Cuda(
                        IntStream.range(0, count)
                                .mapToObj(index -> new Gpu(index, "", 0, 0))
                                .toList(),
                        List.of(),
                        null);
    }

    /**
     * Asks from the outside inwards, so that the first thing amiss is the one to mend first.
     *
     * @param build says what the build for the GPU needs
     */
    static Cuda diagnose(CudaProbe probe, NativeConfig build) {
        if (!probe.hasBuild()) {
            return notUsed("LibTorch's build for the GPU does not lie beside this jar, in " + build.get("gpu.folder")
                    + "/; mvn -Pcuda package puts it there, on Linux and Windows");
        }
        String driverFailure = probe.driverFailure();
        if (driverFailure != null) {
            return notUsed("there is no NVIDIA driver (" + driverFailure + "); install one for CUDA "
                    + build.get("driver.cuda") + " or later");
        }
        try {
            Cuda cuda = ofDriver(probe, build);
            // Last, because this unpacks some hundred megabytes.
            return cuda.isAvailable() ? withLibraries(cuda, probe) : cuda;
        } catch (IllegalStateException e) {
            return notUsed("CUDA does not start: " + e.getMessage());
        } catch (LibTorchException e) {
            return notUsed(LibTorch.firstLine(e));
        }
    }

    private static Cuda withLibraries(Cuda cuda, CudaProbe probe) {
        List<String> missing = probe.missingLibraries();
        return missing.isEmpty()
                ? cuda
                : notUsed("these libraries of CUDA are missing: " + String.join(", ", missing)
                        + "; docs/gpu.md says where to get them");
    }

    private static Cuda ofDriver(CudaProbe probe, NativeConfig build) {
        int version = probe.driverVersion();
        if (version == 0) {
            return notUsed("there is no NVIDIA driver behind its library; install one for CUDA "
                    + build.get("driver.cuda") + " or later");
        }
        if (version < version(build.get("driver.cuda"))) {
            return notUsed("the NVIDIA driver is too old: it is for CUDA " + version / 1000 + "." + version % 1000 / 10
                    + ", this build needs " + build.get("driver.cuda") + "; install a newer driver");
        }
        List<Gpu> gpus = probe.gpus();
        if (gpus.isEmpty()) {
            String visible = probe.visibleDevices();
            return notUsed(
                    visible == null
                            ? "the NVIDIA driver finds no GPU"
                            : "the NVIDIA driver shows no GPU with CUDA_VISIBLE_DEVICES=" + visible
                                    + "; unset it to see all there are");
        }
        List<String> architectures = build.list("architectures");
        List<Gpu> withCode = gpus.stream()
                .filter(gpu -> architectures.stream().anyMatch(architecture -> runsOn(architecture, gpu)))
                .toList();
        List<Gpu> withoutCode =
                gpus.stream().filter(gpu -> !withCode.contains(gpu)).toList();
        if (withCode.isEmpty()) {
            return notUsed("this build has no code for " + list(withoutCode) + "; it has code for compute capability "
                    + String.join(", ", architectures) + ", and the later ones with the same first number");
        }
        return new Cuda(withCode, withoutCode, null);
    }

    /** Code for a compute capability runs on those that have the same first number and no smaller second one. */
    private static boolean runsOn(String architecture, Gpu gpu) {
        int dot = architecture.indexOf('.');
        return Integer.parseInt(architecture.substring(0, dot)) == gpu.major
                && Integer.parseInt(architecture.substring(dot + 1)) <= gpu.minor;
    }

    /** 12040 for 12.4. */
    private static int version(String text) {
        int dot = text.indexOf('.');
        return 1000 * Integer.parseInt(text.substring(0, dot)) + 10 * Integer.parseInt(text.substring(dot + 1));
    }
}
