package io.github.mnistlibtorch.bench;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.Training;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorVector;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What a step of the article is made of: a batch of 128, forward, backward, step; and an evaluation. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class Parts {
    private static final int BATCH_SIZE = 128;
    private static final int INPUT_SIZE = 784;
    private static final int HIDDEN_SIZE = 32;
    private static final int NUM_CLASSES = 10;

    private final Mnist mnist;
    private final int[] order;
    private int next;
    private final Batch batch;
    private final List<Batch> validation;
    private final MnistModel model;
    private final TensorVector parameters;
    private final Optimizer optimizer;
    private final Tensor loss;
    private final Tensor one;
    private final BoolOptional keepGraph;
    private final TensorArrayRefOptional allInputs;

    /** Everything that the parts start from. */
    public Parts() {
        LibTorch.start();
        TorchRandom.manualSeed(42);
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
        order = TorchRandom.randperm(mnist.size(), null);
        batch = Batch.of(mnist, nextIndices());
        validation = testBatches();
        model = new MnistModel(INPUT_SIZE, HIDDEN_SIZE, NUM_CLASSES);
        parameters = model.parameters();
        optimizer = OptimizerFactory.SGD.create(parameters, 0.1);
        loss = model.trainingStep(batch);
        one = new Tensor();
        keepGraph = new BoolOptional(true);
        allInputs = new TensorArrayRefOptional();
        backward();
    }

    /** Frees it. */
    @TearDown
    public void tearDown() {
        loss.close();
        one.close();
        keepGraph.close();
        allInputs.close();
        optimizer.close();
        parameters.close();
        model.close();
        batch.close();
        validation.forEach(Batch::close);
    }

    /** Pictures from all over the set, as a shuffled loader fetches them, to a batch. */
    @Benchmark
    public int batchAssembly() {
        try (TensorScope scope = TensorScope.open()) {
            return Batch.of(mnist, nextIndices()).size();
        }
    }

    /** From pictures to the loss. */
    @Benchmark
    public void forward() {
        try (TensorScope scope = TensorScope.open()) {
            model.trainingStep(batch);
        }
    }

    /** From the loss to the gradients. The graph is kept, so that the same loss can go back again. */
    @Benchmark
    public void backward() {
        optimizer.zero_grad();
        loss.backward(one, keepGraph, /* create_graph= */ false, allInputs);
    }

    /** From the gradients to the next weights. The gradients stay the same, for ever. */
    @Benchmark
    public void step() {
        optimizer.step();
    }

    /** The loop of {@code fit}, once: forward, backward, step. */
    @Benchmark
    public void trainingStep() {
        try (TensorScope scope = TensorScope.open()) {
            model.trainingStep(batch).backward();
            optimizer.step();
            optimizer.zero_grad();
        }
    }

    /** Loss and accuracy over 10,000 pictures in batches of 256, which are there already. */
    @Benchmark
    public EpochResult evaluation() {
        return Training.evaluate(model, validation);
    }

    private int[] nextIndices() {
        if (next + BATCH_SIZE > order.length) {
            next = 0;
        }
        next += BATCH_SIZE;
        return Arrays.copyOfRange(order, next - BATCH_SIZE, next);
    }

    private static List<Batch> testBatches() {
        Mnist test = Mnist.bundled(Mnist.Split.TEST);
        int size = 2 * BATCH_SIZE;
        List<Batch> batches = new ArrayList<>();
        for (int at = 0; at < test.size(); at += size) {
            int[] indices =
                    IntStream.range(at, Math.min(at + size, test.size())).toArray();
            batches.add(Batch.of(test, indices));
        }
        return batches;
    }
}
