package io.github.mnistlibtorch.torch.serialization;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** A state dict in either format; its content says which, whatever its name. */
public final class StateDictFile {
    private StateDictFile() {}

    /**
     * {@code torch.load(file)} or {@code safetensors.torch.load_file(file)}.
     *
     * @return as {@link PtFile#read} and {@link Safetensors#read} do
     * @throws InputException as these do
     * @throws IOException if the disk fails
     */
    public static Map<String, Tensor> read(Path file) throws IOException {
        InputException.requireFile(file, "name an existing .pt or safetensors file");
        if (PtFile.isPtFile(file)) {
            return PtFile.read(file);
        }
        try {
            return Safetensors.read(file);
        } catch (InputException e) {
            // Neither: then its name says what was meant, and whose sentence helps.
            if (file.toString().matches("(?i).*\\.(pt|pth)")) {
                return PtFile.read(file);
            }
            throw e;
        }
    }
}
