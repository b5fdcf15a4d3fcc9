package io.github.mnistlibtorch.torch.optim;

import io.github.mnistlibtorch.torch.optim.OptimizerState.Keeper;
import java.util.Map;
import org.bytedeco.pytorch.LossClosure;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** {@code torch.optim.SGD} with momentum, without Nesterov's. */
final class SgdWithMomentum extends SGD implements Keeper {
    private static final String BUFFER = "momentum_buffer";

    private final OptimizerState state;

    SgdWithMomentum(TensorVector parameters, SGDOptions options) {
        super(parameters, options);
        state = new OptimizerState(parameters.size(), BUFFER);
    }

    @Override
    public Tensor step() {
        SGDOptions options = new SGDOptions(OptimizerState.options(this));
        return OptimizerState.step(this, (number, parameter, gradient) -> {
            Tensor buffer;
            if (state.has(number, BUFFER)) {
                buffer = state.get(number, BUFFER, gradient::clone)
                        .mul_(new Scalar(options.momentum().get()))
                        .add_(gradient, new Scalar(1 - options.dampening().get()));
            } else {
                buffer = state.get(number, BUFFER, gradient::clone);
            }
            parameter.add_(buffer, new Scalar(-options.lr().get()));
        });
    }

    @Override
    public Tensor step(LossClosure closure) {
        return OptimizerState.refuseClosure();
    }

    @Override
    public OptimizerState state() {
        return state;
    }

    @Override
    public Map<String, Object> options() {
        return OptimizerState.sgd(new SGDOptions(OptimizerState.options(this)));
    }

    @Override
    public void close() {
        state.close();
        super.close();
    }
}
