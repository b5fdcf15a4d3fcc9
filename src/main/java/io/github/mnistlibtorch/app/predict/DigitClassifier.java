package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Asks a model what an image shows. */
public final class DigitClassifier {
    /** Below this probability, the model cannot tell. */
    private static final double SURE = 0.6;

    private final ImageClassificationBase model;
    private final ImageSpec images;
    private final Device device;

    /** @param model stays the caller's, as does the device it is on */
    public DigitClassifier(MnistModels.Saved model, Device device) {
        this.model = model.network();
        this.images = model.images();
        this.device = device;
    }

    /**
     * What a model says of a digit.
     *
     * @param seen what it was given
     * @param probabilities of each class
     * @param unsure why the answer may be wrong; null if nothing speaks against it
     */
    public record Answer(
            DigitPreprocessor.Digit seen,
            double[] probabilities,
            @Nullable String unsure) {
        /** The classes, the most probable first. */
        public List<Integer> classes() {
            return IntStream.range(0, probabilities.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(digit -> -probabilities[digit]))
                    .toList();
        }
    }

    /** For the largest digit; it is unsure whether that one is meant, if there are others. */
    public Answer answerLargest(DigitPreprocessor.Digits digits) {
        int count = digits.digits().size();
        return answer(
                digits.largest(),
                count > 1 ? "there are " + count + (images.areDigits() ? " digits" : " shapes") : null);
    }

    /** For each digit, from left to right. */
    public List<Answer> answerAll(DigitPreprocessor.Digits digits) {
        return digits.digits().stream().map(digit -> answer(digit, null)).toList();
    }

    private Answer answer(DigitPreprocessor.Digit digit, @Nullable String others) {
        double[] probabilities = probabilities(digit);
        double most = IntStream.range(0, probabilities.length)
                .mapToDouble(i -> probabilities[i])
                .max()
                .orElseThrow();
        String unsure = others;
        if (unsure == null && digit.isCut()) {
            unsure = "it reaches the border of the picture";
        }
        if (unsure == null && most < SURE) {
            unsure = String.format(Locale.ROOT, "nothing is more probable than %.0f %%", 100 * most);
        }
        return new Answer(digit, probabilities, unsure);
    }

    private double[] probabilities(DigitPreprocessor.Digit digit) {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            return Tensors.toDoubles(model.forward(input(digit)).softmax(/* dim= */ 1));
        }
    }

    /** What the model takes: the image on its device, in its dtype. */
    Tensor input(DigitPreprocessor.Digit digit) {
        Tensor image = images.isTransposed() ? digit.transposed() : digit.image();
        return Devices.toDevice(image, device, MnistModels.dtype(model));
    }
}
