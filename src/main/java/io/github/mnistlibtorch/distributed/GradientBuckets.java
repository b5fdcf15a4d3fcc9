package io.github.mnistlibtorch.distributed;

import io.github.mnistlibtorch.libtorch.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The gradients of a model in a few long tensors, as {@code DistributedDataParallel} sends them: many short messages
 * would each cost a round of waiting.
 */
final class GradientBuckets implements AutoCloseable {
    private static final long MEBIBYTE = 1 << 20;

    /** Python's {@code bucket_cap_mb}; the first is small, to be under way early. */
    private static final long FIRST_BYTES = MEBIBYTE;

    private static final long MOST_BYTES = 25 * MEBIBYTE;

    private final TensorVector parameters;
    private final List<Tensor> buckets = new ArrayList<>();

    /** Of each parameter's gradient, its place in a bucket. */
    private final Map<Long, Tensor> views = new LinkedHashMap<>();

    /** @param parameters of the model, on its device, in the order of the layers; closed with this */
    GradientBuckets(TensorVector parameters) {
        this.parameters = parameters;
        List<Long> bucket = new ArrayList<>();
        long bytes = 0;
        try (Scope scope = Scope.open()) {
            // backward() comes to the last layer first.
            for (long i = parameters.size() - 1; i >= 0; i--) {
                Tensor parameter = parameters.get(i);
                long size = parameter.numel() * parameter.element_size();
                if (!bucket.isEmpty() && bytes + size > (buckets.isEmpty() ? FIRST_BYTES : MOST_BYTES)) {
                    add(bucket, scope);
                    bucket.clear();
                    bytes = 0;
                }
                bucket.add(i);
                bytes += size;
            }
            add(bucket, scope);
        }
    }

    private void add(List<Long> members, Scope scope) {
        long numel = members.stream().mapToLong(i -> parameters.get(i).numel()).sum();
        TensorOptions options = parameters.get(members.get(0)).options();
        Tensor bucket = scope.keep(torch.empty(new long[] {numel}, options, null));
        buckets.add(bucket);
        long offset = 0;
        for (long i : members) {
            Tensor parameter = parameters.get(i);
            views.put(i, scope.keep(bucket.narrow(0, offset, parameter.numel()).view_as(parameter)));
            offset += parameter.numel();
        }
    }

    int size() {
        return buckets.size();
    }

    /** Replaces the gradients by their mean over all processes. */
    void average(ProcessGroup group) {
        try (Scope scope = Scope.open()) {
            // A product with a number, to LibTorch, whatever the dtype.
            Tensor share = torch.tensor(1.0 / group.worldSize());
            views.forEach((i, view) -> torch.mul_out(view, parameters.get(i).grad(), share));
            group.allReduce(buckets);
            views.forEach((i, view) -> parameters.get(i).grad().copy_(view));
        }
    }

    @Override
    public void close() {
        views.values().forEach(Tensor::close);
        buckets.forEach(Tensor::close);
        parameters.close();
    }
}
