package io.github.mnistlibtorch.torch.optim;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * What an optimizer remembers of its steps, for each parameter: {@code optimizer.state}.
 *
 * <p>It is kept here and not in LibTorch, whose C++ optimizers give theirs out only as an archive, and whose Adam adds in
 * another order than Python's: the optimizers with a memory step in Java, in Python's order.
 */
public final class OptimizerState implements AutoCloseable {
    /** An optimizer with one group of parameters that keeps its memory here. */
    interface Keeper {
        OptimizerState state();

        /** As {@code optimizer.param_groups[0]} has them in Python, {@code params} excepted. */
        Map<String, Object> options();
    }

    /** What a step does with one parameter that has a gradient. */
    @FunctionalInterface
    interface Update {
        void apply(int number, Tensor parameter, Tensor gradient);
    }

    private static final String STEP = "step";

    private final Set<String> names;
    private final List<Map<String, Object>> ofParameters = new ArrayList<>();

    /**
     * @param parameters how many there are
     * @param names of what is kept for each: the number {@code step}, and tensors
     */
    OptimizerState(long parameters, String... names) {
        this.names = Set.of(names);
        for (long i = 0; i < parameters; i++) {
            ofParameters.add(new LinkedHashMap<>());
        }
    }

    /** Updates every parameter that has a gradient, in their order, as {@code step()} does in Python. */
    static Tensor step(Optimizer optimizer, Update update) {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            TensorVector parameters = group(optimizer).params();
            for (int i = 0; i < parameters.size(); i++) {
                Tensor parameter = parameters.get(i);
                Tensor gradient = parameter.grad();
                if (gradient.defined()) {
                    update.apply(i, parameter, gradient);
                }
            }
        }
        return new Tensor(); // none, as no closure was given
    }

    /** What a step with a closure does: C++ would step in its own order, with a state of its own. */
    static Tensor refuseClosure() {
        throw new UnsupportedOperationException("this optimizer steps without a closure");
    }

    /** The options of the only group; borrowed from the optimizer. */
    static OptimizerOptions options(Optimizer optimizer) {
        return group(optimizer).options();
    }

    private static OptimizerParamGroup group(Optimizer optimizer) {
        OptimizerParamGroupVector groups = optimizer.param_groups();
        return groups.get(0);
    }

    /** {@code step += 1}; how many steps there have been. */
    long countStep(int parameter) {
        return (Long) ofParameters.get(parameter).merge(STEP, 1L, (before, one) -> (Long) before + (Long) one);
    }

    boolean has(int parameter, String name) {
        return ofParameters.get(parameter).containsKey(name);
    }

    /** A tensor that is kept for a parameter, made when it is first asked for. */
    Tensor get(int parameter, String name, Supplier<Tensor> first) {
        return (Tensor) ofParameters.get(parameter).computeIfAbsent(name, key -> {
            try (TensorScope scope = TensorScope.open()) {
                return scope.keep(first.get());
            }
        });
    }

    /**
     * {@code optimizer.state_dict()["state"]} of an optimizer that an {@link OptimizerFactory} of this project has made.
     *
     * @return for each parameter that has one, by its number, counts ({@code Long}) and tensors by name; the tensors are the
     *     optimizer's own
     */
    public static Map<Long, Map<String, Object>> byParameter(Optimizer optimizer) {
        Map<Long, Map<String, Object>> state = new LinkedHashMap<>();
        if (optimizer instanceof Keeper keeper) {
            List<Map<String, Object>> kept = keeper.state().ofParameters;
            for (int i = 0; i < kept.size(); i++) {
                if (!kept.get(i).isEmpty()) {
                    state.put((long) i, kept.get(i));
                }
            }
        }
        return state;
    }

    /**
     * {@code optimizer.state_dict()} of an optimizer with one group of parameters.
     *
     * @return {@code state}, as in {@link #byParameter}, and {@code param_groups}
     * @throws IllegalArgumentException if its memory is not kept here
     */
    public static Map<String, Object> of(Optimizer optimizer) {
        Map<String, Object> options =
                optimizer instanceof Keeper keeper ? new LinkedHashMap<>(keeper.options()) : sgd(optimizer);
        options.put(
                "params",
                LongStream.range(0, group(optimizer).params().size()).boxed().toList());
        Map<String, Object> stateDict = new LinkedHashMap<>(); // of the same order each time
        stateDict.put("state", byParameter(optimizer));
        stateDict.put("param_groups", List.of(options));
        return stateDict;
    }

    /** The options of LibTorch's own SGD, which without momentum remembers nothing. */
    private static Map<String, Object> sgd(Optimizer optimizer) {
        if (!(optimizer instanceof SGD)) {
            throw new IllegalArgumentException(
                    "the state of a " + optimizer.getClass().getSimpleName() + " cannot be saved");
        }
        return sgd(new SGDOptions(options(optimizer)));
    }

    static Map<String, Object> sgd(SGDOptions sgd) {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("lr", sgd.lr().get());
        options.put("momentum", sgd.momentum().get());
        options.put("dampening", sgd.dampening().get());
        options.put("weight_decay", sgd.weight_decay().get());
        options.put("nesterov", sgd.nesterov().get());
        return options;
    }

    /**
     * {@code optimizer.load_state_dict(…)} of what {@link #of} returned as {@code state}; the options stay as they are.
     *
     * @param state one for each parameter, or none at all, with tensors of its shape and dtype, which are copied
     * @throws IllegalArgumentException if this is not what such an optimizer remembers
     */
    public static void load(Optimizer optimizer, List<Map<String, Object>> state) {
        OptimizerState kept = optimizer instanceof Keeper keeper ? keeper.state() : new OptimizerState(0);
        if (state.size() != kept.ofParameters.size()
                || !state.stream().map(Map::keySet).allMatch(kept.names::equals)) {
            throw new IllegalArgumentException("not the state of this optimizer");
        }
        TensorVector parameters = group(optimizer).params();
        for (int i = 0; i < state.size(); i++) {
            Map<String, Object> own = kept.ofParameters.get(i);
            Tensor parameter = parameters.get(i);
            state.get(i).forEach((name, value) -> {
                if (value instanceof Tensor tensor && !name.equals(STEP)) {
                    try (TensorScope scope = TensorScope.open()) {
                        Tensor copy = tensor.to(parameter.device(), tensor.scalar_type())
                                .clone();
                        if (own.put(name, scope.keep(copy)) instanceof Tensor before) {
                            before.close();
                        }
                    }
                } else if (value instanceof Long && name.equals(STEP)) {
                    own.put(name, value);
                } else {
                    throw new IllegalArgumentException(name + " is not of this optimizer");
                }
            });
        }
    }

    /** {@code torch.zeros_like(parameter)}, for {@link #get}. */
    static Supplier<Tensor> zerosLike(Tensor parameter) {
        return () -> torch.zeros_like(parameter);
    }

    /** Frees the tensors. */
    @Override
    public void close() {
        ofParameters.forEach(kept -> {
            kept.values().forEach(value -> {
                if (value instanceof Tensor tensor) {
                    tensor.close();
                }
            });
            kept.clear();
        });
    }
}
