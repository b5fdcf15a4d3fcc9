package io.github.mnistlibtorch.torch.distributed;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.DistributedDataParallel;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.tutorial.MnistMlp;
import io.github.mnistlibtorch.tutorial.MnistModel;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;

/** A group of one, in this process: what it frees, and that the work of one is its own. {@code DistributedIT} has more. */
@EnabledOnOs(OS.LINUX) // where LibTorch has Gloo
@ExtendWith(LibTorchExtension.class)
class ProcessGroupTest {
    private static @Nullable ProcessGroup joined;

    @BeforeAll
    static void join() throws IOException {
        joined = newGroup();
    }

    @AfterAll
    static void leave() {
        one().close();
    }

    private static ProcessGroup one() {
        return requireNonNull(joined);
    }

    private static ProcessGroup newGroup() throws IOException {
        int port;
        try (ServerSocket socket = new ServerSocket(0)) {
            port = socket.getLocalPort();
        }
        DistributedEnvironment rendezvous =
                new DistributedEnvironment(0, 1, null, "127.0.0.1", port, false, 0, List.of(), Duration.ofSeconds(30));
        return ProcessGroup.init(rendezvous, Map.of("--seed", "1"));
    }

    @Test
    void stepsLeaveNothingBehind() {
        try (MnistModel model = new MnistModel(784, 32, 10);
                DistributedDataParallel parallel = new DistributedDataParallel(model, one())) {
            step(parallel);
            long before = LeakCheck.settled();
            for (int i = 0; i < 20; i++) {
                step(parallel);
            }
            assertThat(Pointer.totalCount()).isEqualTo(before);
        }
    }

    private static void step(DistributedDataParallel parallel) {
        try (TensorScope scope = TensorScope.open()) {
            Batch batch =
                    new Batch(torch.ones(2, 784), torch.zeros(new long[] {2}, new TensorOptions(ScalarType.Long)));
            parallel.train(true);
            parallel.trainingStep(batch).backward();
            parallel.onAfterBackward();
            parallel.trainingEpochEnd(List.of(1.0));
            parallel.train(false);
            parallel.validationEpochEnd(List.of(parallel.validationStep(batch)));
            one().barrier();
            one().broadcast(new byte[] {1, 2, 3});
        }
    }

    @Test
    void groupsAndWrappersAreFreed() throws IOException {
        long before = LeakCheck.settled();
        for (int i = 0; i < 3; i++) {
            try (ProcessGroup group = newGroup();
                    MnistModel model = new MnistModel(7, 5, 3);
                    DistributedDataParallel parallel = new DistributedDataParallel(model, group)) {
                for (int step = 0; step < 3; step++) { // the second has other buckets
                    try (TensorScope scope = TensorScope.open()) {
                        model.forward(torch.randn(2, 7)).sum().backward();
                        parallel.onAfterBackward();
                    }
                }
            }
        }
        assertThat(LeakCheck.settled()).isEqualTo(before);
    }

    /**
     * One bucket for the first step; then three, as {@code dist._compute_bucket_assignment_by_size} of torch 2.13 makes them of
     * the parameters in reverse: the first is full at 1 MiB, the others at 25 MiB.
     */
    @Test
    void bucketsHoldEveryGradientOnce() {
        try (MnistMlp model = new MnistMlp(784, List.of(9000, 800, 400), 10);
                GradientBuckets buckets = new GradientBuckets(model.parameters(), /* first= */ true);
                TensorVector parameters = model.parameters();
                TensorScope scope = TensorScope.open()) {
            TorchRandom.manualSeed(1);
            model.forward(torch.randn(3, 784)).sum().backward();
            Tensor[] expected = new Tensor[(int) parameters.size()];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = parameters.get(i).grad().clone();
            }
            for (int size : new int[] {1, 3, 3}) {
                assertThat(buckets.size()).isEqualTo(size);
                buckets.average(one());
                for (int i = 0; i < expected.length; i++) {
                    assertThat(parameters.get(i).grad().equal(expected[i])).isTrue();
                }
            }
        }
    }

    /** Parameters that are not trained have no gradient to average; one that should have one and has none is a mistake. */
    @Test
    void frozenParametersAreLeftOut() {
        try (MnistModel model = new MnistModel(784, 8, 10);
                TensorVector parameters = model.parameters()) {
            parameters.get(0).set_requires_grad(false);
            try (DistributedDataParallel parallel = new DistributedDataParallel(model, one())) {
                step(parallel);
                assertThat(parameters.get(0).grad().defined()).isFalse();
                assertThat(parameters.get(1).grad().defined()).isTrue();
                parameters.get(1).mutable_grad().reset();
                assertThatThrownBy(parallel::onAfterBackward)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("parameter 0 took no part in the loss; set_requires_grad(false) leaves it out");
            }
        }
    }

    @Test
    void bytesComeAsTheyAre() {
        assertThat(one().broadcast(new byte[] {-1, 0, 127})).containsExactly(-1, 0, 127);
        assertThat(one().broadcast(new byte[0])).isEmpty();
    }
}
