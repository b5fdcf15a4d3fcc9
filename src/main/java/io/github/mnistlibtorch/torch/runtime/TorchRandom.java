package io.github.mnistlibtorch.torch.runtime;

import java.util.Arrays;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Every random draw of this project outside of LibTorch's own initialisers, made by ATen itself, so that the
 * numbers are Python's.
 *
 * <p>Where a method takes a generator, {@code null} stands for the default one, which all threads share: only the
 * training thread may draw from it.
 */
public final class TorchRandom {
    private TorchRandom() {}

    /** Seeds the default generator of every device: {@code torch.manual_seed(seed)}. */
    public static void manualSeed(long seed) {
        LibTorch.ensureStarted();
        torch.manual_seed(seed);
    }

    /**
     * Where the default generator stands: {@code torch.get_rng_state()}.
     *
     * @return uint8, to give to {@link #setState}; a copy, which belongs to the scope in which this is called
     */
    public static Tensor state() {
        LibTorch.ensureStarted();
        try (Generator generator = torch.getDefaultCPUGenerator()) {
            return generator.get_state();
        }
    }

    /**
     * Puts the default generator where it stood: {@code torch.set_rng_state(state)}.
     *
     * @throws RuntimeException from LibTorch, if this is not the state of a generator
     */
    public static void setState(Tensor state) {
        try (Generator generator = torch.getDefaultCPUGenerator()) {
            generator.set_state(state);
        }
    }

    /**
     * A generator on the CPU of its own: {@code torch.Generator().manual_seed(seed)}.
     *
     * @param seed only the low 32 bits matter to the engine
     * @return a generator that the caller closes
     */
    public static Generator newGenerator(long seed) {
        LibTorch.ensureStarted();
        return torch.make_generator_cpu(seed);
    }

    /** A number in [0, 2^63): {@code torch.empty((), dtype=torch.int64).random_(generator=generator).item()}. */
    public static long nextInt64(@Nullable Generator generator) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor drawn = torch.empty(new long[0], int64(), null);
            return drawn.random_(optional(generator)).item_long();
        }
    }

    /**
     * A permutation of 0 … n−1: {@code torch.randperm(n, generator=generator).tolist()}.
     *
     * @param n at least 0
     */
    public static int[] randperm(int n, @Nullable Generator generator) {
        try (TensorScope scope = TensorScope.open()) {
            return toInts(torch.torch_randperm(n, optional(generator), int64()));
        }
    }

    /**
     * {@code count} numbers in [0, high): {@code torch.randint(high, (count,), generator=generator).tolist()}.
     *
     * @param high at least 1
     * @param count at least 0
     */
    public static int[] randint(int high, int count, @Nullable Generator generator) {
        try (TensorScope scope = TensorScope.open()) {
            return toInts(torch.torch_randint(high, new long[] {count}, optional(generator), int64()));
        }
    }

    /**
     * {@code count} indices drawn with probabilities in proportion to {@code weights}:
     * {@code torch.multinomial(weights, count, replacement, generator=generator).tolist()}, weights as float64.
     *
     * @throws IllegalArgumentException in the words of LibTorch, if the weights cannot be drawn from
     */
    public static int[] multinomial(double[] weights, int count, boolean replacement, @Nullable Generator generator) {
        try (TensorScope scope = TensorScope.open()) {
            return toInts(torch.multinomial(Tensors.float64(weights), count, replacement, optional(generator)));
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(LibTorch.firstLine(e), e);
        }
    }

    private static TensorOptions int64() {
        return new TensorOptions(ScalarType.Long);
    }

    private static GeneratorOptional optional(@Nullable Generator generator) {
        return generator == null ? new GeneratorOptional() : new GeneratorOptional(generator);
    }

    private static int[] toInts(Tensor int64) {
        return Arrays.stream(Tensors.toLongs(int64)).mapToInt(Math::toIntExact).toArray();
    }
}
