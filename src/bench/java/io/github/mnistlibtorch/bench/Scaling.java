package io.github.mnistlibtorch.bench;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.DistributedDataParallel;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.distributed.DistributedEnvironment;
import io.github.mnistlibtorch.torch.distributed.ProcessGroup;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.TrainableModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One rank of several that measure together; rank 0 prints. Lines: {@code allreduce WORLD_SIZE BYTES µs} and
 * {@code step WORLD_SIZE HIDDEN PARAMETERS µs-alone µs-together}, medians. The batch is ready: loading it is none of this.
 */
public final class Scaling {
    private static final int BATCH_SIZE = 128;
    private static final int ROUNDS = 9;

    private final ProcessGroup group;

    private Scaling(ProcessGroup group) {
        this.group = group;
    }

    /** @param arguments hidden sizes */
    public static void main(String[] arguments) throws IOException {
        LibTorch.start();
        TorchRandom.manualSeed(1);
        DistributedEnvironment rendezvous =
                requireNonNull(DistributedEnvironment.of(System.getenv(), Duration.ofSeconds(120)));
        try (ProcessGroup group = ProcessGroup.init(rendezvous, Map.of())) {
            Scaling scaling = new Scaling(group);
            for (int floats : new int[] {1, 1 << 10, 1 << 14, 1 << 18, 1 << 22}) {
                scaling.allReduce(floats);
            }
            for (String hidden : arguments) {
                scaling.step(Integer.parseInt(hidden));
            }
            group.barrier();
        }
    }

    private void allReduce(int floats) {
        try (Tensor tensor = torch.zeros(floats)) {
            List<Tensor> tensors = List.of(tensor);
            print("allreduce %d %d %.1f", group.worldSize(), 4L * floats, median(() -> group.allReduce(tensors)));
        }
    }

    private void step(int hidden) {
        try (MnistModel model = new MnistModel(784, hidden, 10);
                TensorVector parameters = model.parameters();
                Optimizer optimizer = OptimizerFactory.SGD.create(parameters, 1e-3);
                DistributedDataParallel parallel = new DistributedDataParallel(model, group);
                Batch batch = new Batch(
                        torch.rand(BATCH_SIZE, 784),
                        torch.zeros(new long[] {BATCH_SIZE}, new TensorOptions(ScalarType.Long)))) {
            double alone = median(() -> step(model, optimizer, batch));
            double together = median(() -> step(parallel, optimizer, batch));
            long numel = 784L * hidden + hidden + 10L * hidden + 10;
            print("step %d %d %d %.1f %.1f", group.worldSize(), hidden, numel, alone, together);
        }
    }

    private static void step(TrainableModel model, Optimizer optimizer, Batch batch) {
        try (TensorScope scope = TensorScope.open()) {
            model.trainingStep(batch).backward();
            model.onAfterBackward();
            optimizer.step();
            optimizer.zero_grad();
        }
    }

    /** Of some rounds, the median time of one call in µs; all ranks begin each round together. */
    private double median(Runnable call) {
        int calls = 3;
        List<Double> rounds = new ArrayList<>();
        for (int round = -2; round < ROUNDS; round++) { // the first are thrown away
            group.barrier();
            long began = System.nanoTime();
            for (int i = 0; i < calls; i++) {
                call.run();
            }
            double micros = (System.nanoTime() - began) / 1e3 / calls;
            if (round >= 0) {
                rounds.add(micros);
            }
            if (round < 0) { // about a quarter of a second a round, the same number in all ranks
                byte[] agreed = group.rank() == 0
                        ? Integer.toString((int) Math.max(3, Math.min(500, 250_000 / micros)))
                                .getBytes(StandardCharsets.UTF_8)
                        : null;
                calls = Integer.parseInt(new String(group.broadcast(agreed), StandardCharsets.UTF_8));
            }
        }
        rounds.sort(null);
        return rounds.get(ROUNDS / 2);
    }

    private void print(String format, Object... values) {
        if (group.rank() == 0) {
            System.out.println(String.format(Locale.ROOT, format, values));
        }
    }
}
