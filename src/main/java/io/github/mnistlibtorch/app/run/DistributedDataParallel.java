package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.Sampler;
import io.github.mnistlibtorch.torch.distributed.DistributedException;
import io.github.mnistlibtorch.torch.distributed.GradientBuckets;
import io.github.mnistlibtorch.torch.distributed.ProcessGroup;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.TrainableModel;
import io.github.mnistlibtorch.tutorial.ValidationOutput;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Wraps a model that several processes train together: {@code DistributedDataParallel(model)}.
 *
 * <p>Every process takes batches of its own, so that a step learns from as many times more images as there are processes;
 * after it, all have the same weights, bit for bit. Buffers, such as the running statistics of batch normalization, are those
 * of rank 0 before each step and in each evaluation. An evaluation is shared: each process takes the batches of
 * {@link #validationOrder}.
 *
 * <p>Every method that talks to the other processes throws a {@link DistributedException} if one of them is gone, or does not
 * answer in time.
 */
public final class DistributedDataParallel implements TrainableModel, AutoCloseable {
    private final TrainableModel model;
    private final ProcessGroup group;
    private final TensorVector buffers;
    private final GradientBuckets buckets;
    private final ScalarType dtype;

    /**
     * Gives the model the parameters and buffers of rank 0.
     *
     * @param model on its device and in its dtype; stays the caller's
     * @param group stays the caller's
     */
    public <M extends Module & TrainableModel> DistributedDataParallel(M model, ProcessGroup group) {
        this(model, group, /* resumed= */ false);
    }

    /** @param resumed whether the training goes on behind its first step, so that its sums have the order of later steps */
    public <M extends Module & TrainableModel> DistributedDataParallel(M model, ProcessGroup group, boolean resumed) {
        this.model = model;
        this.group = group;
        try (TensorScope scope = TensorScope.open()) {
            TensorVector parameters = model.parameters();
            buffers = scope.keep(model.buffers());
            dtype = parameters.get(0).scalar_type().intern();
            buckets = new GradientBuckets(trainable(parameters, scope), /* first= */ !resumed);
            try {
                broadcast(parameters);
                broadcast(buffers);
            } catch (Throwable e) {
                close();
                throw e;
            }
        }
    }

    /** Those that get gradients. */
    private static TensorVector trainable(TensorVector parameters, TensorScope scope) {
        TensorVector trainable = scope.keep(new TensorVector());
        for (long i = 0; i < parameters.size(); i++) {
            if (parameters.get(i).requires_grad()) {
                trainable.push_back(parameters.get(i));
            }
        }
        return trainable;
    }

    private void broadcast(TensorVector tensors) {
        try (TensorScope scope = TensorScope.open()) {
            for (long i = 0; i < tensors.size(); i++) {
                group.broadcast(tensors.get(i).detach(), 0);
            }
        }
    }

    /** Every {@code worldSize}-th batch of a dataset, from batch {@code rank} on: this process's share of an evaluation. */
    public static Sampler<Integer> validationOrder(ProcessGroup group, int size, int batchSize) {
        List<Integer> share = new ArrayList<>();
        for (long batch = group.rank(); batch * batchSize < size; batch += group.worldSize()) {
            for (long i = batch * batchSize; i < Math.min(size, (batch + 1) * batchSize); i++) {
                share.add((int) i);
            }
        }
        return Sampler.of(share);
    }

    @Override
    public TensorVector parameters() {
        return model.parameters();
    }

    @Override
    public void train(boolean on) {
        if (!on) {
            broadcast(buffers);
        }
        model.train(on);
    }

    @Override
    public Tensor trainingStep(Batch batch) {
        broadcast(buffers);
        return model.trainingStep(batch);
    }

    /** Makes the gradients the mean of those of all processes. */
    @Override
    public void onAfterBackward() {
        model.onAfterBackward();
        buckets.average(group);
    }

    /** Returns the mean over the processes. */
    @Override
    public double trainingEpochEnd(List<Double> losses) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor sum = torch.tensor(model.trainingEpochEnd(losses));
            group.allReduce(List.of(sum));
            return sum.item_double() / group.worldSize();
        }
    }

    @Override
    public ValidationOutput validationStep(Batch batch) {
        return model.validationStep(batch);
    }

    /** Combines the batches of all processes, in their order, as one process would that had them all. */
    @Override
    public EpochResult validationEpochEnd(List<ValidationOutput> outputs) {
        try (TensorScope scope = TensorScope.open()) {
            return model.validationEpochEnd(gather(outputs));
        }
    }

    /** In the open scope. */
    private List<ValidationOutput> gather(List<ValidationOutput> own) {
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

    /** Rank 0 alone prints. */
    @Override
    public void epochEnd(int epoch, EpochResult result) {
        if (group.rank() == 0) {
            model.epochEnd(epoch, result);
        }
    }

    /** Frees what the gradients were sent in; the model stays. */
    @Override
    public void close() {
        buckets.close();
        buffers.close();
    }
}
