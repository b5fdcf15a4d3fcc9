package io.github.mnistlibtorch.torch.distributed;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The gradients of a model in a few long tensors, as {@code DistributedDataParallel} sends them: many short messages
 * would each cost a round of waiting.
 */
public final class GradientBuckets implements AutoCloseable {
    private static final long MEBIBYTE = 1 << 20;

    /** Python's {@code bucket_cap_mb}; the first is small, to be under way early. */
    private static final long FIRST_BYTES = MEBIBYTE;

    private static final long MOST_BYTES = 25 * MEBIBYTE;

    private final TensorVector parameters;
    private boolean rebuilt;
    private final List<Tensor> buckets = new ArrayList<>();

    /** Of each parameter's gradient, its place in a bucket. */
    private final Map<Long, Tensor> views = new LinkedHashMap<>();

    /**
     * Where each gradient lies decides in which order Gloo adds it up, from three processes on. As in Python, all lie in one
     * bucket in the order of the layers for the first step, and from the second on in that in which backward() comes to them.
     *
     * @param parameters of the model, on its device, in the order of the layers; closed with this
     * @param first whether the first step is still to come
     */
    public GradientBuckets(TensorVector parameters, boolean first) {
        this.parameters = parameters;
        this.rebuilt = !first;
        try (TensorScope scope = TensorScope.open()) {
            if (first) {
                add(LongStream.range(0, parameters.size()).boxed().toList(), scope);
            } else {
                addInOrderOfBackward(scope);
            }
        }
    }

    /** The last layer first. A bucket is full when it has reached its size, as in {@code dist._compute_bucket_assignment_by_size}. */
    private void addInOrderOfBackward(TensorScope scope) {
        List<Long> bucket = new ArrayList<>();
        long bytes = 0;
        for (long i = parameters.size() - 1; i >= 0; i--) {
            Tensor parameter = parameters.get(i);
            bucket.add(i);
            bytes += parameter.numel() * parameter.element_size();
            if (bytes >= (buckets.isEmpty() ? FIRST_BYTES : MOST_BYTES)) {
                add(bucket, scope);
                bucket.clear();
                bytes = 0;
            }
        }
        if (!bucket.isEmpty()) {
            add(bucket, scope);
        }
    }

    private void add(List<Long> members, TensorScope scope) {
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
    public void average(ProcessGroup group) {
        try (TensorScope scope = TensorScope.open()) {
            // As Python's: rounded to the dtype first. A float64 scalar would multiply float32 gradients unrounded.
            Tensor share =
                    torch.tensor(1.0 / group.worldSize()).to(parameters.get(0).scalar_type());
            views.forEach((i, view) -> torch.mul_out(view, gradient(i), share));
            group.allReduce(buckets);
            views.forEach((i, view) -> parameters.get(i).grad().copy_(view));
            if (!rebuilt) {
                rebuilt = true;
                free();
                addInOrderOfBackward(scope);
            }
        }
    }

    private Tensor gradient(long parameter) {
        Tensor gradient = parameters.get(parameter).grad();
        if (!gradient.defined()) {
            throw new IllegalStateException(
                    "parameter " + parameter + " took no part in the loss; set_requires_grad(false) leaves it out");
        }
        return gradient;
    }

    private void free() {
        views.values().forEach(Tensor::close);
        views.clear();
        buckets.forEach(Tensor::close);
        buckets.clear();
    }

    @Override
    public void close() {
        free();
        parameters.close();
    }
}
