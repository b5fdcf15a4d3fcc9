package io.github.mnistlibtorch.distributed;

import io.github.mnistlibtorch.data.Sampler;
import io.github.mnistlibtorch.libtorch.Scope;
import io.github.mnistlibtorch.model.MnistModel;
import io.github.mnistlibtorch.model.ValidationOutput;
import io.github.mnistlibtorch.train.Replicas;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Data-parallel training: {@code DistributedDataParallel}, {@code DistributedSampler}, and an evaluation that is shared.
 *
 * <p>Every process takes batches of its own, so that a step learns from as many times more pictures as there are
 * processes; after it, all have the same weights, bit for bit.
 */
public final class DistributedDataParallel implements Replicas {
    private final ProcessGroup group;
    private final long seed;
    private @Nullable DistributedSampler trainSampler;
    private @Nullable GradientBuckets buckets;
    private ScalarType dtype = ScalarType.Float;
    private int epoch;

    /**
     * @param group stays the caller's
     * @param seed of the order of the train split, the same in all processes
     */
    public DistributedDataParallel(ProcessGroup group, long seed) {
        this.group = group;
        this.seed = seed;
    }

    /** {@code DistributedSampler(train_ds, seed=seed)}. */
    @Override
    public Sampler<Integer> trainOrder(int size) {
        DistributedSampler sampler = new DistributedSampler(
                size, group.worldSize(), group.rank(), /* shuffle= */ true, seed, /* dropLast= */ false);
        trainSampler = sampler;
        return sampler;
    }

    /** Every {@code worldSize}-th batch, from batch {@code rank} on. */
    @Override
    public Sampler<Integer> valOrder(int size, int batchSize) {
        int first = group.rank();
        List<Integer> share = new ArrayList<>();
        for (long batch = first; batch * batchSize < size; batch += group.worldSize()) {
            for (long i = batch * batchSize; i < Math.min(size, (batch + 1) * batchSize); i++) {
                share.add((int) i);
            }
        }
        return Sampler.of(share);
    }

    /** {@code model = DistributedDataParallel(model)}: all take the weights of rank 0. */
    @Override
    public void begin(MnistModel model, int epochsDone) {
        epoch = epochsDone;
        dtype = model.dtype();
        close();
        try (Scope scope = Scope.open()) {
            TensorVector parameters = scope.keep(model.parameters());
            buckets = new GradientBuckets(parameters, /* first= */ epochsDone == 0);
            for (long i = 0; i < parameters.size(); i++) {
                group.broadcast(parameters.get(i).detach(), 0);
            }
        }
    }

    @Override
    public void epochBegins() {
        if (trainSampler != null) {
            trainSampler.setEpoch(epoch++);
        }
    }

    /** @throws DistributedException if another process is gone, or does not answer in time */
    @Override
    public void averageGradients() {
        if (buckets != null) {
            buckets.average(group);
        }
    }

    /**
     * All outputs, in the order of the batches.
     *
     * @throws DistributedException if another process is gone, or does not answer in time
     */
    @Override
    public List<ValidationOutput> gather(List<ValidationOutput> own) {
        // Not in a scope of its own: the outputs live as long as those that they take the place of.
        try (NoGradGuard noGrad = new NoGradGuard()) {
            Tensor count = torch.tensor((long) own.size());
            group.allReduce(List.of(count));
            int batches = Math.toIntExact(count.item_long());
            // Each place is filled by one process; the others add nothing to it.
            Tensor all = torch.zeros(new long[] {2, batches}, new TensorOptions(ScalarType.Double));
            for (int i = 0; i < own.size(); i++) {
                int batch = group.rank() + i * group.worldSize();
                all.get(0).get(batch).copy_(own.get(i).valLoss());
                all.get(1).get(batch).copy_(own.get(i).valAcc());
            }
            group.allReduce(List.of(all));
            Tensor losses = all.get(0).to(dtype);
            Tensor accuracies = all.get(1).to(ScalarType.Float);
            List<ValidationOutput> outputs = new ArrayList<>();
            for (int batch = 0; batch < batches; batch++) {
                outputs.add(new ValidationOutput(losses.get(batch), accuracies.get(batch)));
            }
            return outputs;
        }
    }

    /** @throws DistributedException if another process is gone, or does not answer in time */
    @Override
    public double mean(double own) {
        try (Scope scope = Scope.open()) {
            Tensor sum = torch.tensor(own);
            group.allReduce(List.of(sum));
            return sum.item_double() / group.worldSize();
        }
    }

    /** Frees what the gradients were sent in. */
    @Override
    public void close() {
        if (buckets != null) {
            buckets.close();
            buckets = null;
        }
    }
}
