package io.github.mnistlibtorch.torch.data;

import org.jspecify.annotations.Nullable;

/** Some examples of a bulk dataset: what a {@link Subset} of one is to a loader. */
final class BulkSubset implements BulkDataset {
    private final BulkDataset dataset;
    private final Subset<LabeledImage> subset;

    private BulkSubset(BulkDataset dataset, Subset<LabeledImage> subset) {
        this.dataset = dataset;
        this.subset = subset;
    }

    /** {@code dataset} as a bulk dataset, if it is one or, however deep, a subset of one. */
    static @Nullable BulkDataset of(Dataset<LabeledImage> dataset) {
        if (dataset instanceof BulkDataset bulk) {
            return bulk;
        }
        if (dataset instanceof Subset<LabeledImage> subset) {
            BulkDataset whole = of(subset.dataset());
            return whole == null ? null : new BulkSubset(whole, subset);
        }
        return null;
    }

    @Override
    public BatchBuffer newBuffer(int size, boolean pinned) {
        BatchBuffer buffer = dataset.newBuffer(size, pinned);
        return new BatchBuffer() {
            @Override
            public void read(int[] positions) {
                buffer.read(subset.indicesAt(positions));
            }

            @Override
            public Batch batch() {
                return buffer.batch();
            }

            @Override
            public void close() {
                buffer.close();
            }
        };
    }

    @Override
    public LabeledImage get(int index) {
        return subset.get(index);
    }

    @Override
    public int size() {
        return subset.size();
    }
}
