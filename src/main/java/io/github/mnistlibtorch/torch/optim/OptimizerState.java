package io.github.mnistlibtorch.torch.optim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;

/** The state of an optimizer that an {@link OptimizerFactory} of this project has made: {@code optimizer.state_dict()}. */
public final class OptimizerState {
    private OptimizerState() {}

    /**
     * {@code optimizer.state_dict()["state"]}.
     *
     * @return for each parameter that has one, by its number, counts ({@code Long}) and tensors by name; the tensors are the
     *     optimizer's own
     */
    public static Map<Long, Map<String, Object>> byParameter(Optimizer optimizer) {
        Map<Long, Map<String, Object>> byParameter = new LinkedHashMap<>();
        if (optimizer instanceof StatefulOptimizer stateful) {
            for (int i = 0; i < stateful.state().size(); i++) {
                if (!stateful.state().get(i).isEmpty()) {
                    byParameter.put((long) i, stateful.state().get(i));
                }
            }
        }
        return byParameter;
    }

    /**
     * {@code optimizer.state_dict()} of an optimizer with one group of parameters.
     *
     * @return {@code state}, as in {@link #byParameter}, and {@code param_groups}
     * @throws IllegalArgumentException if its memory is not kept here
     */
    public static Map<String, Object> of(Optimizer optimizer) {
        Map<String, Object> group = paramGroup(optimizer);
        long parameters = StatefulOptimizer.parameters(optimizer).size();
        group.put("params", LongStream.range(0, parameters).boxed().toList());
        Map<String, Object> stateDict = new LinkedHashMap<>(); // of the same order each time
        stateDict.put("state", byParameter(optimizer));
        stateDict.put("param_groups", List.of(group));
        return stateDict;
    }

    private static Map<String, Object> paramGroup(Optimizer optimizer) {
        if (optimizer instanceof StatefulOptimizer stateful) {
            return stateful.paramGroup();
        }
        if (optimizer instanceof SGD) { // LibTorch's own, which without momentum remembers nothing
            return sgd(optimizer);
        }
        throw new IllegalArgumentException(
                "the state of a " + optimizer.getClass().getSimpleName() + " cannot be saved");
    }

    static Map<String, Object> sgd(Optimizer optimizer) {
        SGDOptions options = new SGDOptions(StatefulOptimizer.options(optimizer));
        Map<String, Object> group = new LinkedHashMap<>();
        group.put("lr", options.lr().get());
        group.put("momentum", options.momentum().get());
        group.put("dampening", options.dampening().get());
        group.put("weight_decay", options.weight_decay().get());
        group.put("nesterov", options.nesterov().get());
        return group;
    }

    /**
     * {@code optimizer.load_state_dict(…)} of what {@link #of} returned as {@code state}; the options stay as they are.
     *
     * @param state one for each parameter, or none at all, with tensors of its shape and dtype, which are copied
     * @throws IllegalArgumentException if this is not what such an optimizer remembers
     */
    public static void load(Optimizer optimizer, List<Map<String, Object>> state) {
        if (optimizer instanceof StatefulOptimizer stateful) {
            stateful.load(state);
        } else if (!state.isEmpty()) {
            throw new IllegalArgumentException("not the state of this optimizer");
        }
    }
}
