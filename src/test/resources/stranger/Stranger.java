package stranger;

import static io.github.mnistlibtorch.tutorial.Training.evaluate;
import static io.github.mnistlibtorch.tutorial.Training.fit;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.RandomSplit;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.*;
import org.bytedeco.pytorch.global.torch;

/** A program of somebody else: a convolutional network with batch normalization and dropout, trained and saved. */
public final class Stranger {
    static final class Net extends ImageClassificationBase {
        final Conv2dImpl conv = register_module("conv", new Conv2dImpl(1, 8, new LongPointer(3, 3)));
        final BatchNorm2dImpl norm = register_module("norm", new BatchNorm2dImpl(new BatchNormOptions(8)));
        final DropoutImpl dropout = register_module("dropout", new DropoutImpl(0.25));
        final LinearImpl linear = register_module("linear", new LinearImpl(8 * 13 * 13, 10));

        @Override
        public Tensor forward(Tensor xb) {
            Tensor out = torch.max_pool2d(torch.relu(norm.forward(conv.forward(xb))), 2, 2);
            return linear.forward(dropout.forward(out.flatten(1, -1)));
        }
    }

    public static void main(String[] arguments) throws Exception {
        LibTorch.start();
        TorchRandom.manualSeed(Long.parseLong(arguments[1]));
        var some = new Subset<>(Mnist.bundled(Mnist.Split.TRAIN), IntStream.range(0, 6000).toArray());
        var parts = RandomSplit.randomSplit(some, 5000, 1000);
        DataLoader<Batch> trainLoader = DataLoader.of(parts.get(0)).batchSize(64).shuffle(true).numWorkers(2).build();
        DataLoader<Batch> valLoader = DataLoader.of(parts.get(1)).batchSize(128).build();
        try (Net net = new Net()) {
            fit(2, 1e-3, net, trainLoader, valLoader, OptimizerFactory.ADAM);
            System.out.println(evaluate(net, valLoader));
            StateDict.save(net, Path.of(arguments[0]));
        }
    }
}
