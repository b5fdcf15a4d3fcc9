package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LibTorchExtension.class)
class LibTorchTest {
    @Test
    void startUsesOneThread() {
        assertThat(torch.get_num_threads()).isEqualTo(1);
    }

    /** NVIDIA's shorter float32 would change the third digit of a product: off, as in PyTorch. */
    @Test
    void tensorFloat32IsOff() {
        assertThat(torch.globalContext().allowTF32CuBLAS()).isFalse();
    }

    @Test
    void secondStartHasNothingToTell() {
        List<String> progress = new ArrayList<>();
        LibTorch.start(progress::add);

        assertThat(progress).isEmpty();
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"", "background"})
    void startsOfManyThreadsAtOnceAreOne(String how, @TempDir Path folder) throws Exception {
        Path log = folder.resolve("log");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                StartMeanwhile.class.getName()));
        if (!how.isEmpty()) {
            command.add(how);
        }
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();

        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isZero();
        assertThat(log).hasContent("started");
    }

    @Test
    void startInTheBackgroundAfterAStartHasNothingToDo() {
        LibTorch.startInBackground();
        LibTorch.finishStart();

        assertThat(torch.get_num_threads()).isEqualTo(1);
    }

    @Test
    void threadsGoToTheBlasAlone() {
        try {
            LibTorch.setNumThreads(2);
            assertThat(openblas_nolapack.blas_get_num_threads()).isEqualTo(2);
            assertThat(torch.get_num_threads()).isEqualTo(1);
        } finally {
            LibTorch.setNumThreads(1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1})
    void numberOfThreadsThatIsNotPositiveIsRefused(int threads) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LibTorch.setNumThreads(threads))
                .withMessage("set_num_threads expects a positive integer, but got " + threads);
    }

    @Test
    void firstLineLeavesTheNativeStackTraceOut() {
        assertThat(LibTorch.firstLine(new RuntimeException("shapes differ\nframe #0: at::cat()\n")))
                .isEqualTo("shapes differ");
    }

    @Test
    void firstLineOfAnErrorWithoutMessageIsItsType() {
        assertThat(LibTorch.firstLine(new IllegalStateException())).isEqualTo("IllegalStateException");
        assertThat(LibTorch.firstLine(new IllegalStateException(" "))).isEqualTo("IllegalStateException");
    }

    /** As HotSpot says it of memory of its own, without a word, and of the heap. */
    @Test
    void noMemoryIsToldFromAFolderThatCannotBeUsed() {
        assertThat(NativeLibraries.explain(new IllegalStateException(new OutOfMemoryError())))
                .hasMessageStartingWith("LibTorch could not be loaded: the process may not take enough memory (")
                .hasMessageEndingWith("such as that of ulimit -v");
        assertThat(NativeLibraries.explain(new OutOfMemoryError("Java heap space")))
                .hasMessageEndingWith("(Java heap space); raise its limit, such as that of java -Xmx");
        assertThat(NativeLibraries.explain(new UnsatisfiedLinkError("libc10.so: cannot enable executable stack")))
                .hasMessageContaining("if that folder is full, read-only or mounted noexec");
    }
}
