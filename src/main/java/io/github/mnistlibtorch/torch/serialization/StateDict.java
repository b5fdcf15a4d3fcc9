package io.github.mnistlibtorch.torch.serialization;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.StringSharedModuleDict;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;

/** The tensors of a module by name: {@code module.state_dict()} and {@code module.load_state_dict(…)}. */
public final class StateDict {
    private StateDict() {}

    /**
     * Returns the parameters and buffers themselves, not copies: {@code module.state_dict()}. The order is Python's: of each
     * module its parameters, its buffers, and then its children, in the order of registration.
     *
     * @return handles that belong to the scope in which this is called
     */
    public static Map<String, Tensor> of(Module module) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        addTo(tensors, "", module);
        return tensors;
    }

    private static void addTo(Map<String, Tensor> tensors, String prefix, Module module) {
        try (StringTensorDict parameters = module.named_parameters(/* recurse= */ false);
                StringTensorDict buffers = module.named_buffers(/* recurse= */ false);
                StringSharedModuleDict children = module.named_children()) {
            addTo(tensors, prefix, parameters);
            addTo(tensors, prefix, buffers);
            for (long i = 0; i < children.size(); i++) {
                var child = children.get(i);
                addTo(tensors, prefix + child.key().getString() + ".", child.access());
            }
        }
    }

    private static void addTo(Map<String, Tensor> tensors, String prefix, StringTensorDict dict) {
        for (long i = 0; i < dict.size(); i++) {
            var item = dict.get(i);
            // A handle of its own: the item borrows from the dictionary.
            tensors.put(prefix + item.key().getString(), item.access().detach());
        }
    }

    /**
     * Returns the parameters alone, in the order of {@code module.named_parameters()}.
     *
     * @return handles that belong to the scope in which this is called
     */
    public static Map<String, Tensor> parameters(Module module) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (StringTensorDict parameters = module.named_parameters()) {
            addTo(tensors, "", parameters);
        }
        return tensors;
    }

    /**
     * Saves a module's tensors: {@code torch.save(module.state_dict(), file)}.
     *
     * @param file replaced or created, whole or not at all; its folder must exist
     * @throws IOException if the file cannot be written
     */
    public static void save(Module module, Path file) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            PtFile.write(file, of(module));
        }
    }

    /**
     * Reads a state dict in either format, {@link PtFile} or {@link Safetensors}; its content says which, whatever its name.
     *
     * @return by name; the caller closes the tensors, or its open scope does
     * @throws InputException if the file does not exist, is damaged or holds anything but tensors
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

    /**
     * Loads what {@link #save} has saved, here or in Python: {@code module.load_state_dict(torch.load(file), strict=True)}.
     *
     * @param file a {@code .pt} file or one in the safetensors format
     * @throws InputException as for {@link #load(Module, Map, Path)}, or if the file is damaged
     * @throws IOException if the disk fails
     */
    public static void load(Module module, Path file) throws IOException {
        Map<String, Tensor> tensors = read(file);
        try {
            load(module, tensors, file);
        } finally {
            tensors.values().forEach(Tensor::close);
        }
    }

    /**
     * {@code module.load_state_dict(tensors, strict=True)}: copies values into parameters and buffers, all or none.
     *
     * @param source the file that the tensors come from, for the message
     * @throws InputException if a name, shape or dtype is not the module's; the message lists all that differ
     */
    public static void load(Module module, Map<String, Tensor> tensors, Path source) throws InputException {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Map<String, Tensor> own = of(module);
            List<String> differences = differences(own, tensors);
            if (!differences.isEmpty()) {
                throw new InputException(source + " does not hold the weights of this network: "
                        + String.join(", ", differences) + "; use a file that was written for the same architecture");
            }
            tensors.forEach((name, tensor) -> {
                Tensor target = own.get(name);
                if (target != null) {
                    target.copy_(tensor);
                }
            });
        }
    }

    private static List<String> differences(Map<String, Tensor> expected, Map<String, Tensor> found) {
        List<String> differences = new ArrayList<>();
        expected.forEach((name, parameter) -> {
            Tensor tensor = found.get(name);
            if (tensor == null) {
                differences.add(name + " is missing");
            } else if (!describe(tensor).equals(describe(parameter))) {
                differences.add(name + " is " + describe(tensor) + " instead of " + describe(parameter));
            }
        });
        found.keySet().stream()
                .filter(name -> !expected.containsKey(name))
                .forEach(name -> differences.add(name + " is unexpected"));
        return differences;
    }

    private static String describe(Tensor tensor) {
        return tensor.scalar_type() + " " + PythonRepr.size(tensor);
    }
}
