package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * A model that tells classes of images apart: a subclass registers its layers in its constructor and defines
 * {@link #forward}.
 *
 * <p>Build it outside of any {@link TensorScope} that closes before it, and close it: that frees the layers registered with it too, but not
 * those registered with a module in it.
 */
public abstract class ImageClassificationBase extends Module implements TrainableModel {
    private final List<Module> layers = new ArrayList<>();
    private @Nullable PrintStream out;

    /**
     * Returns one score for each class and image: {@code model(xb)}.
     *
     * @param xb images, (B, C, H, W), in the model's dtype
     * @return logits, not probabilities, (B, number of classes)
     */
    public abstract Tensor forward(Tensor xb);

    @Override
    public Tensor trainingStep(Batch batch) {
        Tensor out = forward(batch.images()); // Generate predictions
        return torch.cross_entropy(out, batch.labels());
    }

    @Override
    public ValidationOutput validationStep(Batch batch) {
        Tensor out = forward(batch.images());
        Tensor loss = torch.cross_entropy(out, batch.labels());
        return new ValidationOutput(loss, Accuracy.accuracy(out, batch.labels()));
    }

    /**
     * Returns the mean over batches, in which a short last batch counts as much as the rest.
     *
     * @throws IllegalArgumentException if there are none
     */
    @Override
    public EpochResult validationEpochEnd(List<ValidationOutput> outputs) {
        if (outputs.isEmpty()) {
            throw new IllegalArgumentException("there is no mean of no batches: the loader is empty");
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor epochLoss =
                    stack(outputs.stream().map(ValidationOutput::valLoss)).mean();
            Tensor epochAcc =
                    stack(outputs.stream().map(ValidationOutput::valAcc)).mean();
            return new EpochResult(epochLoss.item_double(), epochAcc.item_double());
        }
    }

    /** Prints the article's line for an epoch. */
    @Override
    public void epochEnd(int epoch, EpochResult result) {
        (out == null ? System.out : out).println(result.line(epoch));
    }

    /** Changes where {@link #epochEnd} prints; standard output if this is not called. */
    public void printTo(PrintStream out) {
        this.out = out;
    }

    /** Registers a layer, which this model owns from now on: {@code self.name = module}. */
    @Override
    public <M extends Module> M register_module(String name, M module) {
        M layer = super.register_module(name, module);
        layers.add(layer);
        return layer;
    }

    /** Frees the weights. */
    @Override
    public void close() {
        layers.forEach(Module::close); // each is shared by its handle and by this module
        super.close();
    }

    private static Tensor stack(Stream<Tensor> scalars) {
        return torch.stack(new TensorVector(scalars.toArray(Tensor[]::new)));
    }
}
