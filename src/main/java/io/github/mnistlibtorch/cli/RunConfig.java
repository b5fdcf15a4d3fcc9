package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.MnistTutorial.Settings;
import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.parity.Trace;
import io.github.mnistlibtorch.train.OptimizerFactory;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** From the configuration of a run, as traces keep it, to the settings of the tutorial. */
final class RunConfig {
    private RunConfig() {}

    /** @param device stays the caller's */
    static Settings settings(Trace.Config config, Device device) {
        return new Settings(
                config.seed(),
                config.valSize(),
                config.batchSize(),
                config.hiddenSizes(),
                config.numWorkers(),
                device,
                config.dtype().equals("float64") ? ScalarType.Double : ScalarType.Float,
                OptimizerFactory.named(config.optimizer()),
                config.schedule());
    }

    /**
     * Checks that something is left to train on.
     *
     * @param size of the whole training set
     * @param remedy for the person
     */
    static void requireRoomToTrain(int size, int heldOut, String remedy) throws InputException {
        if (heldOut >= size) {
            throw new InputException("the training set has " + size + " pictures, which leaves none to train on with "
                    + heldOut + " held out; " + remedy);
        }
    }
}
