package io.github.mnistlibtorch.torch.data;

import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Some images of an image dataset. */
record ImageSubset(ImageDataset images, Subset<LabeledImage> subset) implements ImageDataset {
    /** Returns {@code dataset} if it is an image dataset or, however deep, a subset of one. */
    static @Nullable ImageDataset of(Dataset<LabeledImage> dataset) {
        if (dataset instanceof ImageDataset images) {
            return images;
        }
        ImageDataset whole = dataset instanceof Subset<LabeledImage> subset ? of(subset.dataset()) : null;
        return whole == null ? null : new ImageSubset(whole, (Subset<LabeledImage>) dataset);
    }

    @Override
    public int rows() {
        return images.rows();
    }

    @Override
    public int columns() {
        return images.columns();
    }

    @Override
    public int channels() {
        return images.channels();
    }

    @Override
    public List<String> classes() {
        return images.classes();
    }

    @Override
    public int label(int index) {
        return images.label(subset.indexAt(index));
    }

    @Override
    public void copyPixels(int index, ByteBuffer target, int position) {
        images.copyPixels(subset.indexAt(index), target, position);
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
