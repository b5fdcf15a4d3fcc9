package io.github.mnistlibtorch.torch.serialization;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.StringSharedModuleDict;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** The tensors of a module by name: {@code module.state_dict()} and {@code module.load_state_dict(…)}. */
public final class StateDict {
    private static final List<String> WRAPPERS = List.of("module.", "_orig_mod.", "model.");

    /** So many names and shapes are in a message, of each kind. */
    private static final int FEW = 3;

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
            if (file.toString().matches("(?i).*\\.(pt|pth)") || PtFile.isKnownOtherwise(file)) {
                return PtFile.read(file);
            }
            throw e;
        }
    }

    /**
     * The texts that a file of either format has beside its tensors; {@link #read} has read it.
     *
     * @return by key; empty if there is none
     * @throws IOException if the disk fails
     */
    public static Map<String, String> readMetadata(Path file) throws IOException {
        return PtFile.isPtFile(file) ? PtFile.readMetadata(file) : Safetensors.readMetadata(file);
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
     * {@code module.load_state_dict(tensors, strict=True)}: copies values into parameters and buffers, all or none, and
     * converts them to their dtypes. Names that all begin with what a wrapper puts before them, as {@code module.} of
     * {@code DataParallel}, are taken without it if the module has no such names.
     *
     * @param source the file that the tensors come from, for the message
     * @throws InputException if a name or shape is not the module's; the message names a few
     */
    public static void load(Module module, Map<String, Tensor> tensors, Path source) throws InputException {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Map<String, Tensor> own = of(module);
            Map<String, Tensor> found = own.keySet().equals(tensors.keySet()) ? tensors : unwrapped(tensors);
            String difference = difference(own, found);
            if (difference != null) {
                throw new InputException(PlainText.name(source) + " does not hold the weights of this model: "
                        + difference + "; use a file that was written for the same architecture");
            }
            own.forEach((name, target) -> target.copy_(requireNonNull(found.get(name))));
        }
    }

    /**
     * A state dict without what wrappers put before all names: {@code module.} of {@code DataParallel} and
     * {@code DistributedDataParallel}, {@code _orig_mod.} of {@code torch.compile}, {@code model.} of Lightning.
     *
     * @return the same tensors by shorter names, or {@code tensors} if they have none in common
     */
    public static Map<String, Tensor> unwrapped(Map<String, Tensor> tensors) {
        Map<String, Tensor> unwrapped = tensors;
        for (boolean isWrapped = true; isWrapped; ) {
            isWrapped = false;
            for (String wrapper : WRAPPERS) {
                if (!unwrapped.isEmpty() && unwrapped.keySet().stream().allMatch(name -> name.startsWith(wrapper))) {
                    Map<String, Tensor> shorter = new LinkedHashMap<>();
                    unwrapped.forEach((name, tensor) -> shorter.put(name.substring(wrapper.length()), tensor));
                    unwrapped = shorter;
                    isWrapped = true;
                }
            }
        }
        return unwrapped;
    }

    /** What a few of the names and shapes are and should be; null if all are as they should be. */
    private static @Nullable String difference(Map<String, Tensor> wanted, Map<String, Tensor> found) {
        List<String> missing = wanted.keySet().stream()
                .filter(name -> !found.containsKey(name))
                .toList();
        List<String> unexpected = found.keySet().stream()
                .filter(name -> !wanted.containsKey(name))
                .toList();
        List<String> differences = new ArrayList<>();
        if (!missing.isEmpty()) {
            differences.add("it lacks " + few(missing));
        }
        if (!unexpected.isEmpty()) {
            differences.add("it has " + few(unexpected));
        }
        List<String> shapes = new ArrayList<>();
        wanted.forEach((name, tensor) -> {
            Tensor other = found.get(name);
            if (other != null && !Arrays.equals(other.shape(), tensor.shape())) {
                shapes.add(PlainText.quoted(name) + " is " + PythonRepr.size(other) + " instead of "
                        + PythonRepr.size(tensor));
            }
        });
        shapes.stream().limit(FEW).forEach(differences::add);
        return differences.isEmpty() ? null : String.join(", ", differences);
    }

    /** Some names, for a message, as in a file. */
    public static String few(Collection<String> names) {
        String few = names.stream().limit(FEW).map(PlainText::quoted).collect(Collectors.joining(", "));
        return names.size() > FEW ? few + " and " + (names.size() - FEW) + " more" : few;
    }
}
