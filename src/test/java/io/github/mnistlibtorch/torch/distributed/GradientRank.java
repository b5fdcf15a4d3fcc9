package io.github.mnistlibtorch.torch.distributed;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.DistributedDataParallel;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.BatchSampler;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.MnistMlp;
import io.github.mnistlibtorch.tutorial.TrainableModel;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One rank that trains in float64. At every step rank 0 also computes, alone and with the same weights, the gradient of
 * the batches of all ranks in one, and prints how far the averaged one is from it at most.
 */
final class GradientRank {
    private static final int BATCH_SIZE = 50;

    private GradientRank() {}

    public static void main(String[] arguments) throws IOException {
        int steps = Integer.parseInt(arguments[0]);
        LibTorch.start();
        DistributedEnvironment rendezvous =
                requireNonNull(DistributedEnvironment.of(System.getenv(), Duration.ofSeconds(60)));
        Mnist mnist = Mnist.bundled(Mnist.Split.TRAIN);
        TorchRandom.manualSeed(rendezvous.rank()); // wrapping makes the weights those of rank 0
        try (ProcessGroup group = ProcessGroup.init(rendezvous, Map.of());
                MnistMlp model = float64Model();
                MnistMlp reference = float64Model();
                DistributedDataParallel parallel = new DistributedDataParallel(model, group);
                TensorVector parameters = model.parameters();
                TensorVector references = reference.parameters();
                Optimizer optimizer = OptimizerFactory.SGD.create(parameters, 0.5)) {
            List<Iterator<int[]>> orders = IntStream.range(0, group.worldSize())
                    .mapToObj(rank -> new BatchSampler(
                                    new DistributedSampler(mnist.size(), group.worldSize(), rank, true, 7, false),
                                    BATCH_SIZE,
                                    false)
                            .iterator())
                    .toList();
            for (int step = 0; step < steps; step++) {
                List<int[]> batches = orders.stream().map(Iterator::next).toList();
                try (TensorScope scope = TensorScope.open()) {
                    loss(parallel, mnist, batches.get(group.rank())).backward();
                    parallel.onAfterBackward();
                    if (group.rank() == 0) {
                        copy(parameters, references);
                        int[] all = batches.stream().flatMapToInt(IntStream::of).toArray();
                        loss(reference, mnist, all).backward();
                        System.out.println("distance " + distance(parameters, references));
                    }
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
            group.barrier();
        }
    }

    private static MnistMlp float64Model() {
        MnistMlp model = new MnistMlp(784, List.of(32, 16), 10);
        model.to(ScalarType.Double, /* non_blocking= */ false);
        return model;
    }

    private static Tensor loss(TrainableModel model, Mnist mnist, int[] positions) {
        Batch batch = Batch.of(mnist, positions);
        return model.trainingStep(new Batch(batch.images().to(ScalarType.Double), batch.labels()));
    }

    private static void copy(TensorVector from, TensorVector to) {
        try (NoGradGuard noGrad = new NoGradGuard()) {
            for (long i = 0; i < from.size(); i++) {
                to.get(i).copy_(from.get(i));
                if (to.get(i).grad().defined()) {
                    to.get(i).grad().zero_();
                }
            }
        }
    }

    private static double distance(TensorVector actual, TensorVector expected) {
        List<Double> distances = new ArrayList<>();
        for (long i = 0; i < actual.size(); i++) {
            distances.add(
                    actual.get(i).grad().sub(expected.get(i).grad()).abs().max().item_double());
        }
        return distances.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    }
}
