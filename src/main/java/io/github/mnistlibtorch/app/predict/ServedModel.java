package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SharedModuleVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** The model that a page asks: what it is, and what it makes of a drawing. */
final class ServedModel {
    /** Of the first layer; more would take a browser long. */
    private static final int MOST_WEIGHTS = 1 << 21;

    private final MnistModels.Saved model;
    private final DigitPreprocessor preprocessor;
    private final DigitClassifier classifier;
    private final UnitWeights weights;

    /** @param model stays the caller's, as does the device it is on */
    ServedModel(MnistModels.Saved model, Device device) {
        this.model = model;
        preprocessor = new DigitPreprocessor(model.images());
        classifier = new DigitClassifier(model, device);
        weights = UnitWeights.of(model.network(), model.images(), MOST_WEIGHTS);
    }

    ImageSpec images() {
        return model.images();
    }

    /** Of the units of the first layer, as {@link UnitWeights#toBytes}. */
    byte[] weights() {
        return weights.toBytes();
    }

    Map<String, Object> description() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("classes", images().classes());
        fields.put("columns", images().columns());
        fields.put("rows", images().rows());
        fields.put("areDigits", images().areDigits());
        fields.put("areLines", images().inkSize() > 0);
        fields.put("hidden", weights.description());
        return fields;
    }

    /**
     * What the model makes of a drawing.
     *
     * @param grey row by row, 0 for black to 255 for white
     * @throws InputException if it shows nothing
     */
    Map<String, Object> answer(byte[] grey, int width, int height) throws InputException {
        DigitClassifier.Answer answer = classifier.answerLargest(preprocessor.of(grey, width, height, "the drawing"));
        Map<String, Object> fields = new LinkedHashMap<>();
        int label = answer.classes().get(0);
        if (images().areDigits()) {
            fields.put("digit", label);
        }
        fields.put("class", images().classes().get(label));
        fields.put("label", label);
        fields.put("unsure", answer.unsure());
        fields.put("probabilities", answer.probabilities());
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Tensor input = classifier.input(answer.seen());
            SharedModuleVector layers = model.network().children();
            Tensor hidden = hidden(layers.get(0), input);
            fields.put("hidden", Tensors.toFloats(hidden));
            Tensor adds = weights.isConvolution() ? null : adds(layers, hidden, label);
            fields.put("adds", adds == null ? null : Tensors.toFloats(adds));
            fields.put("seen", Tensors.toFloats(answer.seen().image().mean(1)));
        }
        return fields;
    }

    /** What each unit of the first layer says (1, units): a hidden unit's activation, or the strongest of a filter. */
    private static Tensor hidden(Module layer, Tensor input) {
        Conv2dImpl convolution = layer.asConv2d();
        return convolution == null
                ? torch.relu(layer.asLinear().forward(input.flatten(1, -1)))
                : torch.relu(convolution.forward(input)).amax(new long[] {2, 3}, /* keepdim= */ false);
    }

    /**
     * What each hidden unit of the first layer adds to the score of a class, the logit (1, units): its activation times its weight,
     * or, through more layers, times the weights of all ways on which the units are active. Together with what the biases add,
     * that is the score.
     *
     * @return {@code null} if the network has other layers than linear ones
     */
    private static @Nullable Tensor adds(SharedModuleVector layers, Tensor hidden, int label) {
        List<LinearImpl> behind = new ArrayList<>();
        List<Tensor> active = new ArrayList<>();
        Tensor out = hidden;
        for (long i = 1; i < layers.size(); i++) {
            LinearImpl layer = layers.get(i).asLinear();
            if (layer == null) {
                return null;
            }
            behind.add(layer);
            out = layer.forward(out);
            active.add(out.gt(new Scalar(0)));
            out = torch.relu(out);
        }
        int last = behind.size() - 1;
        Tensor factors = behind.get(last).weight().select(0, label).unsqueeze(0);
        for (int i = last - 1; i >= 0; i--) {
            factors = factors.mul(active.get(i)).matmul(behind.get(i).weight());
        }
        return factors.mul(hidden);
    }
}
