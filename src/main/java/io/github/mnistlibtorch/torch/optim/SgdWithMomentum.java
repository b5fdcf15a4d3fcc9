package io.github.mnistlibtorch.torch.optim;

import java.util.Map;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** {@code torch.optim.SGD} with momentum, without Nesterov's. */
final class SgdWithMomentum extends StatefulOptimizer {
    private static final String BUFFER = "momentum_buffer";

    SgdWithMomentum(TensorVector parameters, SGDOptions options) {
        super(new SGD(parameters, options), BUFFER);
    }

    @Override
    Update update() {
        SGDOptions options = new SGDOptions(options(this));
        return (number, parameter, gradient) -> {
            boolean first = !has(number, BUFFER);
            Tensor buffer = get(number, BUFFER, gradient::clone);
            if (!first) {
                buffer.mul_(new Scalar(options.momentum().get()))
                        .add_(gradient, new Scalar(1 - options.dampening().get()));
            }
            parameter.add_(buffer, new Scalar(-options.lr().get()));
        };
    }

    @Override
    Map<String, Object> paramGroup() {
        return OptimizerState.sgd(this);
    }
}
