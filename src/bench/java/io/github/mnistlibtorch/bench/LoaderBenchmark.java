package io.github.mnistlibtorch.bench;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.DataLoader;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.RandomSplit;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import io.github.mnistlibtorch.torch.vision.Mnist;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The article's train loader from end to end, with nobody who trains: 50,000 pictures, shuffled, in batches of 128. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LoaderBenchmark {
    /** Threads that load. */
    @Param({"0", "1", "2", "4"})
    public int workers;

    private final Subset<LabeledImage> trainDs;

    /** The part of MNIST that is trained on. */
    public LoaderBenchmark() {
        LibTorch.start();
        Warnings.showWith(message -> {}); // more workers than cores are meant
        TorchRandom.manualSeed(42);
        trainDs = RandomSplit.randomSplit(Mnist.bundled(Mnist.Split.TRAIN), 50_000, 10_000)
                .get(0);
    }

    /** An epoch's batches. */
    @Benchmark
    public int pass() {
        DataLoader<Batch> loader = DataLoader.of(trainDs)
                .batchSize(128)
                .shuffle(true)
                .numWorkers(workers)
                .build();
        int images = 0;
        for (Batch batch : loader) {
            images += batch.size();
        }
        return images;
    }
}
