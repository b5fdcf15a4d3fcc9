package io.github.mnistlibtorch.torch.optim;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** {@code torch.optim.RMSprop}, neither centered nor with momentum. */
final class RmsProp extends StatefulOptimizer {
    private static final String SQUARE_AVG = "square_avg";

    RmsProp(TensorVector parameters, RMSpropOptions options) {
        super(new RMSprop(parameters, options), STEP, SQUARE_AVG);
    }

    @Override
    Update update() {
        RMSpropOptions options = new RMSpropOptions(options(this));
        double alpha = options.alpha().get();
        return (number, parameter, gradient) -> {
            countStep(number);
            Tensor average = getOrZeros(number, SQUARE_AVG, parameter)
                    .mul_(new Scalar(alpha))
                    .addcmul_(gradient, gradient, new Scalar(1 - alpha));
            Tensor root = average.sqrt().add_(new Scalar(options.eps().get()));
            parameter.addcdiv_(gradient, root, new Scalar(-options.lr().get()));
        };
    }

    @Override
    Map<String, Object> paramGroup() {
        RMSpropOptions options = new RMSpropOptions(options(this));
        Map<String, Object> group = new LinkedHashMap<>();
        group.put("lr", options.lr().get());
        group.put("alpha", options.alpha().get());
        group.put("eps", options.eps().get());
        group.put("weight_decay", options.weight_decay().get());
        group.put("momentum", options.momentum().get());
        group.put("centered", options.centered().get());
        return group;
    }
}
