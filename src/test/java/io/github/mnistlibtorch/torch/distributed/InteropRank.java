package io.github.mnistlibtorch.torch.distributed;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** One rank of a group in which another is {@code interop_rank.py}: both do the same, and print what came of it. */
final class InteropRank {
    private InteropRank() {}

    public static void main(String[] arguments) throws IOException {
        LibTorch.start();
        DistributedEnvironment rendezvous =
                requireNonNull(DistributedEnvironment.of(System.getenv(), Duration.ofSeconds(60)));
        try (ProcessGroup group = ProcessGroup.init(rendezvous, Map.of());
                TensorScope scope = TensorScope.open()) {
            for (ScalarType dtype : List.of(ScalarType.Float, ScalarType.Double, ScalarType.Long)) {
                Tensor numbers = torch.arange(new Scalar(300_000), new TensorOptions(dtype));
                numbers.mul_(new Scalar(group.rank() + 1));
                group.allReduce(List.of(numbers));
                System.out.println("sum " + numbers.sum().item_long());
            }
            Tensor own = torch.full(new long[] {5}, new Scalar(group.rank() + 0.5));
            for (int src = 0; src < group.worldSize(); src++) {
                Tensor copy = own.clone();
                group.broadcast(copy, src);
                System.out.println("broadcast " + copy.sum().item_double());
            }
            group.barrier();
        }
        System.out.println("done");
    }
}
