package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Generator;
import org.jspecify.annotations.Nullable;

/** Cuts a dataset at random: {@code torch.utils.data.random_split}. */
public final class RandomSplit {
    private static final String WRONG_SUM = "Sum of input lengths does not equal the length of the input dataset!";

    /** Python's {@code math.isclose}. */
    private static final double RELATIVE_TOLERANCE = 1e-9;

    private RandomSplit() {}

    /**
     * {@code random_split(dataset, [l1, l2, …])}: one permutation from the default generator, cut into pieces.
     *
     * @param lengths number of items in each part
     * @throws IllegalArgumentException if the lengths do not add up to the size of the dataset
     */
    public static <T> List<Subset<T>> randomSplit(Dataset<T> dataset, int... lengths) {
        return randomSplit(dataset, null, lengths);
    }

    /**
     * {@code random_split(dataset, [l1, l2, …], generator)}.
     *
     * @param generator where the permutation comes from; {@code null} for the default generator
     * @param lengths number of items in each part
     * @throws IllegalArgumentException if the lengths do not add up to the size of the dataset
     */
    public static <T> List<Subset<T>> randomSplit(Dataset<T> dataset, @Nullable Generator generator, int... lengths) {
        int size = dataset.size();
        if (Arrays.stream(lengths).asLongStream().sum() != size
                || Arrays.stream(lengths).anyMatch(l -> l < 0)) {
            throw new IllegalArgumentException(WRONG_SUM);
        }
        int[] permutation = TorchRandom.randperm(size, generator);
        List<Subset<T>> parts = new ArrayList<>(lengths.length);
        int start = 0;
        for (int length : lengths) {
            parts.add(new Subset<>(dataset, Arrays.copyOfRange(permutation, start, start + length)));
            start += length;
        }
        return parts;
    }

    /**
     * {@code random_split(dataset, [f1, f2, …])} with fractions of the whole.
     *
     * @param fractions each in [0, 1], one in sum; every part gets the floor of its share, and what is left over
     *     goes to the parts in turn, one item each
     * @throws IllegalArgumentException if the fractions are not such
     */
    public static <T> List<Subset<T>> randomSplit(Dataset<T> dataset, double... fractions) {
        return randomSplit(dataset, null, fractions);
    }

    /** The same with a generator; {@code null} for the default one. */
    public static <T> List<Subset<T>> randomSplit(
            Dataset<T> dataset, @Nullable Generator generator, double... fractions) {
        return randomSplit(dataset, generator, lengths(dataset.size(), fractions));
    }

    /** {@code sum(fractions)} of Python 3.12 and later: as Neumaier adds, so that no digit is lost on the way. */
    private static double sum(double[] fractions) {
        double sum = 0;
        double lost = 0;
        for (double fraction : fractions) {
            double next = sum + fraction;
            lost += Math.abs(sum) >= Math.abs(fraction) ? (sum - next) + fraction : (fraction - next) + sum;
            sum = next;
        }
        return Double.isFinite(lost) ? sum + lost : sum;
    }

    private static int[] lengths(int size, double[] fractions) {
        double sum = sum(fractions);
        if (!(sum <= 1 && 1 - sum <= RELATIVE_TOLERANCE)) {
            throw new IllegalArgumentException(WRONG_SUM);
        }
        int[] lengths = new int[fractions.length];
        for (int i = 0; i < lengths.length; i++) {
            if (fractions[i] < 0 || fractions[i] > 1) {
                throw new IllegalArgumentException("Fraction at index " + i + " is not between 0 and 1");
            }
            lengths[i] = (int) Math.floor(size * fractions[i]);
        }
        int leftOver = size - Arrays.stream(lengths).sum();
        for (int i = 0; i < leftOver; i++) {
            lengths[i % lengths.length]++;
        }
        for (int i = 0; i < lengths.length; i++) {
            if (lengths[i] == 0) {
                Warnings.warn("Length of split at index " + i + " is 0. This might result in an empty dataset.");
            }
        }
        return lengths;
    }
}
