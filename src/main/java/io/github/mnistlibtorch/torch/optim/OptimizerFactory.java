package io.github.mnistlibtorch.torch.optim;

import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.TensorVector;

/** Makes the optimizer of a {@code fit}: the article's {@code opt_func}. */
@FunctionalInterface
public interface OptimizerFactory {
    /** The names that {@link #named} knows. */
    List<String> NAMES = List.of("sgd", "momentum", "adam", "adamw", "rmsprop");

    /** {@code torch.optim.SGD}. */
    OptimizerFactory SGD = (parameters, lr) -> {
        try (SGDOptions options = new SGDOptions(lr)) {
            return new SGD(some(parameters), options);
        }
    };

    /** {@code functools.partial(torch.optim.SGD, momentum=0.9)}. */
    OptimizerFactory MOMENTUM = (parameters, lr) -> {
        try (SGDOptions options = new SGDOptions(lr)) {
            options.momentum().put(0.9);
            return new SgdWithMomentum(some(parameters), options);
        }
    };

    /** {@code torch.optim.Adam}. */
    OptimizerFactory ADAM = (parameters, lr) -> {
        try (AdamOptions options = new AdamOptions(lr)) {
            return new Adam(some(parameters), options, /* decoupledWeightDecay= */ false);
        }
    };

    /** {@code torch.optim.AdamW}, with its weight decay of 0.01. */
    OptimizerFactory ADAMW = (parameters, lr) -> {
        try (AdamOptions options = new AdamOptions(lr)) {
            options.weight_decay().put(0.01);
            return new Adam(some(parameters), options, /* decoupledWeightDecay= */ true);
        }
    };

    /** {@code torch.optim.RMSprop}. */
    OptimizerFactory RMSPROP = (parameters, lr) -> {
        try (RMSpropOptions options = new RMSpropOptions(lr)) {
            return new RmsProp(some(parameters), options);
        }
    };

    private static TensorVector some(TensorVector parameters) {
        if (parameters.empty()) {
            throw new IllegalArgumentException("optimizer got an empty parameter list");
        }
        return parameters;
    }

    /**
     * {@code opt_func(parameters, lr)}.
     *
     * @param lr learning rate
     * @return an optimizer that the caller closes
     * @throws IllegalArgumentException if there is no parameter to train, from the factories above
     */
    Optimizer create(TensorVector parameters, double lr);

    /**
     * The factory of a name, whatever its case.
     *
     * @param name one of {@link #NAMES}
     * @throws IllegalArgumentException if the name is another
     */
    static OptimizerFactory named(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "sgd" -> SGD;
            case "momentum" -> MOMENTUM;
            case "adam" -> ADAM;
            case "adamw" -> ADAMW;
            case "rmsprop" -> RMSPROP;
            default -> throw new IllegalArgumentException("unknown optimizer '" + name + "'; there are " + NAMES);
        };
    }
}
