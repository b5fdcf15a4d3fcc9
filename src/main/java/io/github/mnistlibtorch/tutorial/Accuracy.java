package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** How many answers are right. */
public final class Accuracy {
    private Accuracy() {}

    /**
     * Share of rows whose largest output is at the label.
     *
     * <pre>{@code
     * _, preds = torch.max(outputs, dim=1)
     * return torch.tensor(torch.sum(preds == labels).item() / len(preds))
     * }</pre>
     *
     * @param outputs (B, C); of equal outputs in a row, the first counts
     * @param labels int64 (B)
     * @return a float32 scalar on the CPU, in [0, 1]
     * @throws ArithmeticException if the batch is empty; Python raises {@code ZeroDivisionError}
     */
    public static Tensor accuracy(Tensor outputs, Tensor labels) {
        return torch.scalar_tensor(new Scalar(share(outputs, labels)));
    }

    private static double share(Tensor outputs, Tensor labels) {
        try (TensorScope scope = TensorScope.open()) {
            if (outputs.size(0) == 0) {
                throw new ArithmeticException("an empty batch has no accuracy");
            }
            // The indices are borrowed from the pair, which has to live as long.
            T_TensorTensor_T valuesAndIndices = torch.max(outputs, /* dim= */ 1);
            Tensor preds = valuesAndIndices.get1();
            double right = preds.eq(labels).sum().item_long();
            return right / preds.size(0);
        }
    }
}
