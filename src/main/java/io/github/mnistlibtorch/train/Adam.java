package io.github.mnistlibtorch.train;

import io.github.mnistlibtorch.train.OptimizerState.Keeper;
import java.util.Map;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** {@code torch.optim.Adam}, with the default betas, without amsgrad. */
final class Adam extends org.bytedeco.pytorch.Adam implements Keeper {
    private final OptimizerState state;

    Adam(TensorVector parameters, AdamOptions options) {
        super(parameters, options);
        state = new OptimizerState(parameters.size(), AdamStep.KEPT);
    }

    @Override
    public Tensor step() {
        return adamStep().take(this, state);
    }

    private AdamStep adamStep() {
        AdamOptions options = new AdamOptions(OptimizerState.options(this));
        return new AdamStep(
                options.lr().get(), options.eps().get(), options.weight_decay().get(), /* decoupled= */ false);
    }

    @Override
    public OptimizerState state() {
        return state;
    }

    @Override
    public Map<String, Object> options() {
        return adamStep().options();
    }

    @Override
    public void close() {
        state.close();
        super.close();
    }
}
