package io.github.mnistlibtorch.bench;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What every command begins with: {@code java -jar … info}, a process from its start to its end. It starts the JVM, loads
 * LibTorch and asks it a few things. A measurement of {@code LibTorch.start()} alone would leave the JVM out.
 */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 1)
@Measurement(iterations = 5)
public class StartUp {
    /** Needs the packaged jar. */
    @Benchmark
    public double info() throws IOException, InterruptedException {
        ProcessRun run = ProcessRun.info();
        if (run.exitCode() != 0) {
            throw new IllegalStateException(run.failure());
        }
        return run.seconds();
    }
}
