package io.github.mnistlibtorch.torch.optim;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.bytedeco.pytorch.LossClosure;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * An optimizer with one group of parameters that remembers its steps: {@code optimizer.state}.
 *
 * <p>It steps in Java, in Python's order of operations, and keeps its memory here; LibTorch has the parameters and the options
 * alone. The C++ optimizers give their memory out only as an archive, and Adam adds in another order than Python's.
 */
abstract class StatefulOptimizer extends Optimizer {
    /** What a step does with one parameter that has a gradient. */
    @FunctionalInterface
    interface Update {
        void apply(int number, Tensor parameter, Tensor gradient);
    }

    /** The count of steps in the state; all else in it is a tensor. */
    static final String STEP = "step";

    private final Set<String> names;
    private final List<Map<String, Object>> state = new ArrayList<>();

    /**
     * @param optimizer holds the parameters and the options; this is of no use when a scope has freed it
     * @param names of what is kept for each parameter
     */
    StatefulOptimizer(Optimizer optimizer, String... names) {
        super(optimizer);
        this.names = Set.of(names);
        for (long i = 0; i < parameters(this).size(); i++) {
            state.add(new LinkedHashMap<>());
        }
    }

    /** The parameters of the only group. */
    static TensorVector parameters(Optimizer optimizer) {
        return optimizer.param_groups().get(0).params();
    }

    /** The options of the only group; borrowed from the optimizer. */
    static OptimizerOptions options(Optimizer optimizer) {
        return optimizer.param_groups().get(0).options();
    }

    /** As {@code optimizer.param_groups[0]} has them in Python, {@code params} excepted. */
    abstract Map<String, Object> paramGroup();

    /** What the next step does. */
    abstract Update update();

    /** Updates every parameter that has a gradient, in their order. */
    @Override
    public final Tensor step() {
        Update update = update();
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            TensorVector parameters = parameters(this);
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

    /** Refuses: C++ would step in its own order, with a state of its own. */
    @Override
    public final Tensor step(LossClosure closure) {
        throw new UnsupportedOperationException("this optimizer steps without a closure");
    }

    /** {@code step += 1}; how many steps there have been. */
    final long countStep(int parameter) {
        return (Long) state.get(parameter).merge(STEP, 1L, (before, one) -> (Long) before + (Long) one);
    }

    final boolean has(int parameter, String name) {
        return state.get(parameter).containsKey(name);
    }

    /** A tensor that is kept for a parameter, made when it is first asked for. */
    final Tensor get(int parameter, String name, Supplier<Tensor> first) {
        return (Tensor) state.get(parameter).computeIfAbsent(name, key -> {
            try (TensorScope scope = TensorScope.open()) {
                return scope.keep(first.get());
            }
        });
    }

    /** Likewise, at first {@code torch.zeros_like(parameter)}. */
    final Tensor getOrZeros(int number, String name, Tensor parameter) {
        return get(number, name, () -> torch.zeros_like(parameter));
    }

    /** For each parameter what is kept for it. */
    final List<Map<String, Object>> state() {
        return state;
    }

    /** @throws IllegalArgumentException if this is not what this optimizer remembers */
    final void load(List<Map<String, Object>> loaded) {
        if (loaded.size() != state.size() || !loaded.stream().map(Map::keySet).allMatch(names::equals)) {
            throw new IllegalArgumentException("not the state of this optimizer");
        }
        TensorVector parameters = parameters(this);
        for (int i = 0; i < state.size(); i++) {
            Map<String, Object> own = state.get(i);
            Tensor parameter = parameters.get(i);
            loaded.get(i).forEach((name, value) -> {
                if (value instanceof Tensor tensor && !name.equals(STEP)) {
                    try (TensorScope scope = TensorScope.open()) {
                        Tensor copy = tensor.to(parameter.device(), tensor.scalar_type())
                                .clone();
                        Tensors.close(own.put(name, scope.keep(copy)));
                    }
                } else if (value instanceof Long && name.equals(STEP)) {
                    own.put(name, value);
                } else {
                    throw new IllegalArgumentException(name + " is not of this optimizer");
                }
            });
        }
    }

    /** Frees the tensors in the state as well. */
    @Override
    public final void close() {
        Tensors.close(state);
        state.forEach(Map::clear);
        super.close();
    }
}
