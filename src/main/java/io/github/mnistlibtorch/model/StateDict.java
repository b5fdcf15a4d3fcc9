package io.github.mnistlibtorch.model;

import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.libtorch.PythonFormat;
import io.github.mnistlibtorch.libtorch.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;

/** The parameters of a module by name: {@code module.state_dict()} and {@code module.load_state_dict(…)}. */
public final class StateDict {
    private StateDict() {}

    /**
     * {@code module.state_dict()} of a module without buffers: the parameters themselves, not copies, in the order of
     * registration.
     *
     * @return handles that belong to the scope in which this is called
     */
    public static Map<String, Tensor> of(Module module) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (StringTensorDict parameters = module.named_parameters()) {
            for (long i = 0; i < parameters.size(); i++) {
                var item = parameters.get(i);
                // A handle of its own: the item borrows from the dictionary.
                tensors.put(item.key().getString(), item.access().detach());
            }
        }
        return tensors;
    }

    /**
     * {@code module.load_state_dict(tensors, strict=True)}: copies values into the parameters, all or none.
     *
     * @param source the file that the tensors come from, for the message
     * @throws InputException if a name, shape or dtype is not the module's; the message lists all that differ
     */
    public static void load(Module module, Map<String, Tensor> tensors, Path source) throws InputException {
        try (Scope scope = Scope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Map<String, Tensor> parameters = of(module);
            List<String> differences = differences(parameters, tensors);
            if (!differences.isEmpty()) {
                throw new InputException(source + " does not hold the weights of this network: "
                        + String.join(", ", differences) + "; use a file that was written for the same architecture");
            }
            tensors.forEach((name, tensor) -> {
                Tensor parameter = parameters.get(name);
                if (parameter != null) {
                    parameter.copy_(tensor);
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
        return tensor.scalar_type() + " " + PythonFormat.size(tensor);
    }
}
