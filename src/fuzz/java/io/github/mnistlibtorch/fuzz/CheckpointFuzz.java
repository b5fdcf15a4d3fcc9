package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.tutorial.MnistModel;
import java.io.UncheckedIOException;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.TensorVector;

/** The pickle of a checkpoint, in an intact file; what can be read is also restored. */
public final class CheckpointFuzz {
    private static final Scratch SCRATCH = new Scratch("checkpoint.pt");

    private CheckpointFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        SCRATCH.give(Zip.around(data), file -> {
            try (Checkpoint checkpoint = Checkpoint.read(file);
                    MnistModel model = new MnistModel(3, 2, 2)) {
                checkpoint.restore(model);
                try (TensorVector parameters = model.parameters();
                        Optimizer optimizer =
                                checkpoint.restoring(OptimizerFactory.ADAM).create(parameters, 0.1)) {
                    optimizer.step();
                } catch (UncheckedIOException e) {
                    throw (InputException) e.getCause();
                }
            }
        });
    }
}
