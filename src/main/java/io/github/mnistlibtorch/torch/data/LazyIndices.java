package io.github.mnistlibtorch.torch.data;

import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import java.util.function.IntFunction;

/**
 * Indices that are drawn piece by piece, each piece when its first index is asked for. Python's samplers are
 * generators: what they draw, and when, is part of the random stream.
 */
final class LazyIndices implements PrimitiveIterator.OfInt {
    private final int pieces;
    private final IntFunction<int[]> draw;
    private int drawn;
    private int[] piece = {};
    private int position;

    /**
     * @param pieces how many pieces there are
     * @param draw makes piece 0, 1, … pieces−1; called once for each, in that order; a piece may be empty
     */
    LazyIndices(int pieces, IntFunction<int[]> draw) {
        this.pieces = pieces;
        this.draw = draw;
    }

    @Override
    public boolean hasNext() {
        while (position == piece.length && drawn < pieces) {
            piece = draw.apply(drawn++);
            position = 0;
        }
        return position < piece.length;
    }

    @Override
    public int nextInt() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return piece[position++];
    }
}
