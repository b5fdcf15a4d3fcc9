package io.github.mnistlibtorch.torch.distributed;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.DistributedDataParallel;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.Training;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.BatchNorm1dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** One rank that trains a model with batch normalization, and prints the sum of each tensor before, while and after it trains. */
final class BatchNormRank {
    private static final int BATCH_SIZE = 16;
    private static final int FEATURES = 12;

    private BatchNormRank() {}

    private static final class Net extends ImageClassificationBase {
        private final BatchNorm1dImpl norm =
                register_module("norm", new BatchNorm1dImpl(new BatchNormOptions(FEATURES)));
        private final LinearImpl linear = register_module("linear", new LinearImpl(FEATURES, 2));

        @Override
        public Tensor forward(Tensor xb) {
            return linear.forward(norm.forward(xb));
        }
    }

    public static void main(String[] arguments) throws IOException {
        LibTorch.start();
        DistributedEnvironment rendezvous =
                requireNonNull(DistributedEnvironment.of(System.getenv(), Duration.ofSeconds(60)));
        TorchRandom.manualSeed(rendezvous.rank()); // of each rank other weights, other data
        try (ProcessGroup group = ProcessGroup.init(rendezvous, Map.of());
                Net net = new Net();
                DistributedDataParallel parallel = new DistributedDataParallel(net, group)) {
            print(net);
            Batch batch = new Batch(
                    torch.randn(BATCH_SIZE, FEATURES),
                    torch.zeros(new long[] {BATCH_SIZE}, new TensorOptions(ScalarType.Long)));
            parallel.train(true);
            parallel.trainingStep(batch).backward();
            Tensor mean = requireNonNull(StateDict.of(net).get("norm.running_mean"));
            System.out.println("own statistics " + mean.sum().item_float());
            Training.fit(3, 0.1, parallel, List.of(batch), List.of(batch), OptimizerFactory.ADAM);
            print(net);
            group.barrier();
        }
    }

    private static void print(Net net) {
        StateDict.of(net)
                .forEach((name, tensor) -> System.out.println(
                        name + " " + tensor.to(ScalarType.Double).sum().item_double()));
    }
}
