package io.github.mnistlibtorch.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A step of {@code torch.optim.Adam} or {@code AdamW}, with the operations of Python's {@code _single_tensor_adam} in its
 * order. C++ moves the first average by a product and a sum where Python interpolates, and takes square roots of the
 * corrections where Python raises to the power of one half; each rounds otherwise at times.
 *
 * @param decoupled whether the weights decay by themselves, as in {@code AdamW}
 */
record AdamStep(double lr, double eps, double weightDecay, boolean decoupled) {
    /** Python's defaults. C++ has them as a tuple, whose order in memory is the compiler's affair. */
    private static final double BETA1 = 0.9;

    private static final double BETA2 = 0.999;

    static final String[] KEPT = {"step", "exp_avg", "exp_avg_sq"};

    /** All parameters have taken as many steps, if all have gradients: the corrections are computed once. */
    Tensor take(Optimizer optimizer, OptimizerState state) {
        Map<Long, Corrections> corrections = new LinkedHashMap<>();
        return OptimizerState.step(optimizer, (number, parameter, gradient) -> {
            Corrections of = corrections.computeIfAbsent(state.countStep(number), this::corrections);
            Tensor grad = gradient;
            if (weightDecay != 0 && decoupled) {
                parameter.mul_(new Scalar(1 - lr * weightDecay));
            } else if (weightDecay != 0) {
                grad = grad.add(parameter, new Scalar(weightDecay));
            }
            Tensor average = state.get(number, "exp_avg", OptimizerState.zerosLike(parameter))
                    .lerp_(grad, new Scalar(1 - BETA1));
            Tensor squares = state.get(number, "exp_avg_sq", OptimizerState.zerosLike(parameter))
                    .mul_(new Scalar(BETA2))
                    .addcmul_(grad, grad, new Scalar(1 - BETA2));
            Tensor root = squares.sqrt().div(new Scalar(of.second)).add_(new Scalar(eps));
            parameter.addcdiv_(average, root, new Scalar(-(lr / of.first)));
        });
    }

    /** {@code bias_correction1} and {@code bias_correction2_sqrt}. */
    private record Corrections(double first, double second) {}

    private Corrections corrections(long steps) {
        return new Corrections(1 - pow(BETA1, steps), pow(1 - pow(BETA2, steps), 0.5));
    }

    /** {@code base**exponent}: the system's {@code pow}, as in Python. Java's own rounds otherwise at times. */
    private static double pow(double base, double exponent) {
        TensorOptions float64 = new TensorOptions(ScalarType.Double);
        return torch.pow(
                        torch.scalar_tensor(new Scalar(base), float64),
                        torch.scalar_tensor(new Scalar(exponent), float64))
                .item_double();
    }

    /** As {@code optimizer.param_groups[0]} has them. */
    Map<String, Object> options() {
        Map<String, Object> options = new LinkedHashMap<>();
        options.put("lr", lr);
        options.put("betas", List.of(BETA1, BETA2));
        options.put("eps", eps);
        options.put("weight_decay", weightDecay);
        options.put("amsgrad", false);
        return options;
    }
}
