package io.github.mnistlibtorch.io;

import java.io.IOException;
import java.nio.file.Files;
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
        if (!Files.isRegularFile(file)) {
            throw new InputException(file + " is not a file; name an existing .pt or safetensors file");
        }
        return PtFile.isPtFile(file) ? PtFile.read(file) : Safetensors.read(file);
    }
}
