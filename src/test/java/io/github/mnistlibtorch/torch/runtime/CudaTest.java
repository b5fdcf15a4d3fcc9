package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.torch.runtime.Cuda.Gpu;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CudaTest {
    private static final Gpu H100 = new Gpu(0, "NVIDIA H100", 9, 0);
    private static final Gpu V100 = new Gpu(1, "Tesla V100", 7, 0);

    private final FakeMachine machine = new FakeMachine();

    @Test
    void everyGpuThatTheBuildHasCodeForCanBeUsed() {
        machine.gpus = List.of(H100, V100, new Gpu(2, "NVIDIA L4", 8, 9));
        Cuda cuda = diagnose();

        assertThat(cuda.isAvailable()).isTrue();
        assertThat(cuda.gpus()).extracting(Gpu::index).containsExactly(0, 2);
        assertThat(cuda)
                .hasToString(
                        "cuda:0 (NVIDIA H100, compute capability 9.0), cuda:2 (NVIDIA L4, compute capability 8.9); this build"
                                + " has no code for cuda:1 (Tesla V100, compute capability 7.0)");
    }

    @Test
    void withoutTheBuildNothingElseIsAsked() {
        machine.hasBuild = false;

        assertNotUsed(
                "LibTorch's build for the GPU does not lie beside this jar, in gpu/; mvn -Pcuda package puts it there,"
                        + " on Linux and Windows");
        assertThat(machine.asked).isEmpty();
    }

    @Test
    void withoutADriverNoLibraryIsUnpacked() {
        machine.driverFailure = "libcuda.so.1: cannot open shared object file: No such file or directory";

        assertNotUsed(
                "there is no NVIDIA driver (libcuda.so.1: cannot open shared object file: No such file or directory);"
                        + " install one for CUDA 13.0 or later");
        assertThat(machine.asked).isEmpty();
    }

    @Test
    void everyMissingLibraryIsNamed() {
        machine.missing = List.of("libcublas.so.13", "libcudnn.so.9");

        assertNotUsed(
                "these libraries of CUDA are missing: libcublas.so.13, libcudnn.so.9; docs/gpu.md says where to get"
                        + " them");
    }

    @Test
    void librariesThatCannotBeUnpackedAreNotInTheWayOfTheCpu() {
        machine.fullDisk = new LibTorchException("LibTorch could not be loaded from the cache: it is full", null);

        assertNotUsed("LibTorch could not be loaded from the cache: it is full");
    }

    /** Some hundred megabytes, on a machine that has no use for them. */
    @Test
    void withoutAGpuNoLibraryIsUnpacked() {
        machine.gpus = List.of(V100);
        assertThat(diagnose().isAvailable()).isFalse();
        machine.gpus = List.of();
        assertThat(diagnose().isAvailable()).isFalse();
        machine.driverVersion = 12_040;
        assertThat(diagnose().isAvailable()).isFalse();

        assertThat(machine.asked).doesNotContain("libraries");
    }

    @Test
    void aLibraryThatOnlyStandsInForTheDriverIsNone() {
        machine.driverVersion = 0;

        assertNotUsed("there is no NVIDIA driver behind its library; install one for CUDA 13.0 or later");
    }

    @ParameterizedTest
    @CsvSource({"12040, 12.4", "11080, 11.8", "12990, 12.99"})
    void aDriverThatIsTooOldIsSaidWithItsVersion(int version, String text) {
        machine.driverVersion = version;

        assertNotUsed("the NVIDIA driver is too old: it is for CUDA " + text
                + ", this build needs 13.0; install a newer driver");
    }

    @ParameterizedTest
    @CsvSource({"13000", "13010", "14020"})
    void aDriverThatIsNewEnoughIsNotInTheWay(int version) {
        machine.driverVersion = version;

        assertThat(diagnose().isAvailable()).isTrue();
    }

    @Test
    void whatCudaSaysOfItsFailureIsPassedOn() {
        machine.failure = "system not yet initialized";

        assertNotUsed("CUDA does not start: system not yet initialized");
    }

    @Test
    void gpusThatAreHiddenAreToldFromNone() {
        machine.gpus = List.of();
        assertNotUsed("the NVIDIA driver finds no GPU");

        machine.visibleDevices = "0";
        assertNotUsed("the NVIDIA driver shows no GPU with CUDA_VISIBLE_DEVICES=0; unset it to see all there are");
    }

    @ParameterizedTest
    @CsvSource({
        "7, 0, false",
        "7, 5, true",
        "8, 0, true",
        "8, 6, true",
        "8, 9, true",
        "9, 0, true",
        "10, 0, true",
        "10, 3, true",
        "11, 0, false",
        "12, 1, true",
        "13, 0, false",
        "6, 1, false",
    })
    void codeRunsOnItsOwnGenerationAlone(int major, int minor, boolean runs) {
        machine.gpus = List.of(new Gpu(0, "a GPU", major, minor));

        assertThat(diagnose().isAvailable()).isEqualTo(runs);
    }

    @Test
    void aGpuWithoutCodeIsSaidWithThoseThatHave() {
        machine.gpus = List.of(V100);

        assertNotUsed("this build has no code for cuda:1 (Tesla V100, compute capability 7.0); it has code for compute"
                + " capability 7.5, 8.0, 9.0, 10.0, 12.0, and the later ones with the same first number");
    }

    private Cuda diagnose() {
        return Cuda.diagnose(machine, NativeConfig.CUDA);
    }

    private void assertNotUsed(String reason) {
        Cuda cuda = diagnose();
        assertThat(cuda.reason()).isEqualTo(reason);
        assertThat(cuda.isAvailable()).isFalse();
        assertThat(cuda.gpus()).isEmpty();
        assertThat(cuda).hasToString("not used: " + reason);
    }

    /** A machine on which everything is as it should be, but for what a test changes. */
    private static final class FakeMachine extends CudaProbe {
        private boolean hasBuild = true;
        private @Nullable String driverFailure;
        private List<String> missing = List.of();
        private @Nullable LibTorchException fullDisk;
        private int driverVersion = 13_010;
        private @Nullable String failure;
        private List<Gpu> gpus = List.of(H100);
        private @Nullable String visibleDevices;

        /** Questions that a machine in this state could not answer, or not cheaply. */
        private final List<String> asked = new ArrayList<>();

        FakeMachine() {
            super(progress -> {});
        }

        @Override
        boolean hasBuild() {
            return hasBuild;
        }

        @Override
        @Nullable String driverFailure() {
            return driverFailure;
        }

        @Override
        List<String> missingLibraries() {
            asked.add("libraries");
            if (fullDisk != null) {
                throw fullDisk;
            }
            return missing;
        }

        @Override
        int driverVersion() {
            asked.add("version");
            return driverVersion;
        }

        @Override
        List<Gpu> gpus() {
            asked.add("gpus");
            if (failure != null) {
                throw new IllegalStateException(failure);
            }
            return gpus;
        }

        @Override
        @Nullable String visibleDevices() {
            return visibleDevices;
        }
    }
}
