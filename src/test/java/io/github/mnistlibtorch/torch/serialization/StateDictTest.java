package io.github.mnistlibtorch.torch.serialization;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What can be written can be read, and what cannot be read is not written. */
@ExtendWith(LibTorchExtension.class)
class StateDictTest {
    @TempDir
    Path folder;

    @Tag("slow")
    @Test
    void fiftyThousandTensorsAndLongNamesComeBack() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("x".repeat(60_000), torch.tensor(1f));
            for (int i = 0; i < 50_000; i++) {
                tensors.put("layers." + i + ".weight", torch.tensor((float) i));
            }
            for (Path file : List.of(folder.resolve("many.pt"), folder.resolve("many.safetensors"))) {
                if (file.toString().endsWith(".pt")) {
                    PtFile.write(file, tensors);
                } else {
                    Safetensors.write(file, tensors, Map.of());
                }
                Map<String, Tensor> read = StateDict.read(file);
                assertThat(read.keySet()).hasSize(50_001).containsExactlyInAnyOrderElementsOf(tensors.keySet());
                assertThat(requireNonNull(read.get("layers.49999.weight")).item_float())
                        .isEqualTo(49_999);
            }
        }
    }

    @Tag("slow")
    @Test
    void whatCannotBeReadIsNotWritten() {
        try (Tensor tensor = torch.tensor(1f)) {
            // 101 names of a million characters
            Map<String, Tensor> longNames = new LinkedHashMap<>();
            for (int i = 0; i <= 100; i++) {
                longNames.put(i + "x".repeat(1_000_000), tensor);
            }
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Safetensors.write(folder.resolve("a"), longNames, Map.of()))
                    .withMessageEndingWith("bytes, and a safetensors file has room for 100000000");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> PtFile.write(folder.resolve("a"), longNames))
                    .withMessageStartingWith("a .pt file holds at most 100000 tensors, and names of 67108864 bytes");
            Map<String, Tensor> many = new LinkedHashMap<>();
            for (int i = 0; i <= 100_000; i++) {
                many.put("x" + i, tensor);
            }
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> PtFile.write(folder.resolve("a"), many))
                    .withMessageStartingWith("a .pt file holds at most 100000 tensors");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Safetensors.write(folder.resolve("a"), many, Map.of()))
                    .withMessage("a safetensors file holds at most 100000 tensors, and as many metadata");
        }
        assertThat(folder).isEmptyDirectory();
    }
}
