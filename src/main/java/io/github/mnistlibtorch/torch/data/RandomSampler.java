package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import java.util.Arrays;
import java.util.Iterator;
import java.util.function.IntFunction;
import java.util.function.IntSupplier;
import org.bytedeco.pytorch.Generator;
import org.jspecify.annotations.Nullable;

/**
 * Indices in random order: {@code torch.utils.data.RandomSampler}.
 *
 * <p>Without a generator of its own, every visit draws one int64 from the default generator, seeds a private
 * generator with it and takes the permutation from there.
 */
public final class RandomSampler implements Sampler<Integer> {
    /** With replacement, Python draws so many indices at a time. */
    private static final int CHUNK = 32;

    /** So many indices are drawn at once, so that the private generator can be freed at once. */
    private static final int MOST_AT_ONCE = 1 << 24;

    private final IntSupplier dataSize;
    private final boolean replacement;
    private final @Nullable Integer numSamples;
    private final @Nullable Generator generator;

    /**
     * {@code RandomSampler(data_source)}: each index once.
     *
     * @param dataSize size of the dataset, asked for at each use; a dataset may grow
     * @throws IllegalArgumentException if the dataset is empty
     */
    public RandomSampler(IntSupplier dataSize) {
        this(dataSize, false, null, null);
    }

    /**
     * {@code RandomSampler(data_source, replacement, num_samples, generator)}.
     *
     * @param dataSize size of the dataset, asked for at each use
     * @param replacement whether an index may come again before all others have come
     * @param numSamples indices per visit, {@code null} for the size of the dataset
     * @param generator where the indices come from, {@code null} for a private one seeded from the default one
     * @throws IllegalArgumentException if there would be nothing to draw
     */
    public RandomSampler(
            IntSupplier dataSize, boolean replacement, @Nullable Integer numSamples, @Nullable Generator generator) {
        this.dataSize = dataSize;
        this.replacement = replacement;
        this.numSamples = numSamples;
        this.generator = generator;
        if (size() <= 0) {
            throw new IllegalArgumentException(
                    "num_samples should be a positive integer value, but got num_samples=" + size());
        }
    }

    @Override
    public Iterator<Integer> iterator() {
        int dataSize = this.dataSize.getAsInt();
        int samples = size();
        int pieces = 1 + samples / (replacement ? CHUNK : dataSize);
        if (generator != null) {
            return new LazyIndices(pieces, piece -> draw(piece, pieces, dataSize, samples, generator));
        }
        if (samples <= MOST_AT_ONCE) {
            return new LazyIndices(1, once -> drawPrivately(pieces, dataSize, samples));
        }
        return new LazyIndices(pieces, new PrivateDraw(pieces, dataSize, samples));
    }

    @Override
    public int size() {
        return numSamples == null ? dataSize.getAsInt() : numSamples;
    }

    private int[] drawPrivately(int pieces, int dataSize, int samples) {
        PrivateDraw draw = new PrivateDraw(pieces, dataSize, samples);
        int[] drawn = new int[samples];
        int count = 0;
        for (int piece = 0; piece < pieces; piece++) {
            int[] next = draw.apply(piece);
            System.arraycopy(next, 0, drawn, count, next.length);
            count += next.length;
        }
        return drawn;
    }

    /** Draws from a generator of its own, seeded from the default one when the first piece is drawn. */
    private final class PrivateDraw implements IntFunction<int[]> {
        private final int pieces;
        private final int dataSize;
        private final int samples;
        private @Nullable Generator generator;

        PrivateDraw(int pieces, int dataSize, int samples) {
            this.pieces = pieces;
            this.dataSize = dataSize;
            this.samples = samples;
        }

        @Override
        public int[] apply(int piece) {
            if (generator == null) {
                generator = TorchRandom.newGenerator(TorchRandom.nextInt64(null));
                generator.retainReference(); // it outlives the scope of a batch
            }
            int[] drawn = draw(piece, pieces, dataSize, samples, generator);
            if (piece == pieces - 1) {
                generator.close();
            }
            return drawn;
        }
    }

    /** Whole permutations (or chunks), and a last one that is cut to what is missing: drawn even if that is nothing. */
    private int[] draw(int piece, int pieces, int dataSize, int samples, Generator generator) {
        boolean last = piece == pieces - 1;
        if (replacement) {
            return TorchRandom.randint(dataSize, last ? samples % CHUNK : CHUNK, generator);
        }
        int[] permutation = TorchRandom.randperm(dataSize, generator);
        return last ? Arrays.copyOf(permutation, samples % dataSize) : permutation;
    }
}
