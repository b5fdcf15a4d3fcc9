package io.github.mnistlibtorch.torch.optim;

import io.github.mnistlibtorch.torch.optim.OptimizerState.Keeper;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.LossClosure;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** {@code torch.optim.RMSprop}, neither centered nor with momentum. */
final class RmsProp extends RMSprop implements Keeper {
    private static final String SQUARE_AVG = "square_avg";

    private final OptimizerState state;

    RmsProp(TensorVector parameters, RMSpropOptions options) {
        super(parameters, options);
        state = new OptimizerState(parameters.size(), "step", SQUARE_AVG);
    }

    @Override
    public Tensor step() {
        RMSpropOptions options = new RMSpropOptions(OptimizerState.options(this));
        double alpha = options.alpha().get();
        return OptimizerState.step(this, (number, parameter, gradient) -> {
            state.countStep(number);
            Tensor average = state.get(number, SQUARE_AVG, OptimizerState.zerosLike(parameter))
                    .mul_(new Scalar(alpha))
                    .addcmul_(gradient, gradient, new Scalar(1 - alpha));
            Tensor root = average.sqrt().add_(new Scalar(options.eps().get()));
            parameter.addcdiv_(gradient, root, new Scalar(-options.lr().get()));
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
        RMSpropOptions options = new RMSpropOptions(OptimizerState.options(this));
        Map<String, Object> inPython = new LinkedHashMap<>();
        inPython.put("lr", options.lr().get());
        inPython.put("alpha", options.alpha().get());
        inPython.put("eps", options.eps().get());
        inPython.put("weight_decay", options.weight_decay().get());
        inPython.put("momentum", options.momentum().get());
        inPython.put("centered", options.centered().get());
        return inPython;
    }

    @Override
    public void close() {
        state.close();
        super.close();
    }
}
