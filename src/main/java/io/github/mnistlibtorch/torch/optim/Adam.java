package io.github.mnistlibtorch.torch.optim;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@code torch.optim.Adam} and {@code torch.optim.AdamW}, with the default betas and without amsgrad.
 *
 * <p>A step has the operations of Python's {@code _single_tensor_adam}, in its order. C++ scales the first average and adds to
 * it where Python interpolates, and takes the square root of a correction where Python raises it to the power 0.5; each rounds
 * differently at times.
 */
final class Adam extends StatefulOptimizer {
    /** Python's defaults. C++ has them as a tuple, whose order in memory depends on the compiler. */
    private static final double BETA1 = 0.9;

    private static final double BETA2 = 0.999;

    private static final String EXP_AVG = "exp_avg";
    private static final String EXP_AVG_SQ = "exp_avg_sq";

    private final boolean decoupledWeightDecay;

    /** @param decoupledWeightDecay whether the weights decay on their own, as in {@code AdamW} */
    Adam(TensorVector parameters, AdamOptions options, boolean decoupledWeightDecay) {
        super(new org.bytedeco.pytorch.Adam(parameters, options), STEP, EXP_AVG, EXP_AVG_SQ);
        this.decoupledWeightDecay = decoupledWeightDecay;
    }

    @Override
    Update update() {
        AdamOptions options = new AdamOptions(options(this));
        double lr = options.lr().get();
        double eps = options.eps().get();
        double weightDecay = options.weight_decay().get();
        // All parameters have taken as many steps if all have gradients: the corrections are computed once.
        Map<Long, Corrections> corrections = new HashMap<>();
        return (number, parameter, gradient) -> {
            Corrections correction = corrections.computeIfAbsent(countStep(number), Adam::corrections);
            Tensor grad = gradient;
            if (weightDecay != 0 && decoupledWeightDecay) {
                parameter.mul_(new Scalar(1 - lr * weightDecay));
            } else if (weightDecay != 0) {
                grad = grad.add(parameter, new Scalar(weightDecay));
            }
            Tensor average = getOrZeros(number, EXP_AVG, parameter).lerp_(grad, new Scalar(1 - BETA1));
            Tensor squares = getOrZeros(number, EXP_AVG_SQ, parameter)
                    .mul_(new Scalar(BETA2))
                    .addcmul_(grad, grad, new Scalar(1 - BETA2));
            Tensor root = squares.sqrt().div(new Scalar(correction.secondRoot)).add_(new Scalar(eps));
            parameter.addcdiv_(average, root, new Scalar(-(lr / correction.first)));
        };
    }

    /** {@code bias_correction1} and {@code bias_correction2_sqrt}. */
    private record Corrections(double first, double secondRoot) {}

    private static Corrections corrections(long steps) {
        return new Corrections(1 - pow(BETA1, steps), pow(1 - pow(BETA2, steps), 0.5));
    }

    /** {@code base**exponent}: the C library's {@code pow}, as in Python. Java's own rounds differently at times. */
    private static double pow(double base, double exponent) {
        TensorOptions float64 = new TensorOptions(ScalarType.Double);
        return torch.pow(
                        torch.scalar_tensor(new Scalar(base), float64),
                        torch.scalar_tensor(new Scalar(exponent), float64))
                .item_double();
    }

    @Override
    Map<String, Object> paramGroup() {
        AdamOptions options = new AdamOptions(options(this));
        Map<String, Object> group = new LinkedHashMap<>();
        group.put("lr", options.lr().get());
        group.put("betas", List.of(BETA1, BETA2));
        group.put("eps", options.eps().get());
        group.put("weight_decay", options.weight_decay().get());
        group.put("amsgrad", false);
        return group;
    }
}
