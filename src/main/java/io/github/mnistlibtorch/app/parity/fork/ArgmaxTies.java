package io.github.mnistlibtorch.app.parity.fork;

import io.github.mnistlibtorch.app.parity.ForkReport;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.tutorial.Devices;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Pictures whose two greatest outputs are so nearly equal that rounding decides on the answer. */
final class ArgmaxTies {
    private ArgmaxTies() {}

    /**
     * Looks for them in an evaluation.
     *
     * @param batchSize of the evaluation
     * @param epoch for the record
     */
    static Optional<ForkReport.Tie> find(
            Subset<LabeledImage> pictures, int batchSize, TensorVector parameters, Device device, int epoch) {
        int batches = (pictures.size() - 1) / batchSize + 1;
        int count = 0;
        double smallest = Double.POSITIVE_INFINITY;
        double largestError = 0;
        double allowed = 0;
        for (int first = 0; first < pictures.size(); first += batchSize) {
            int[] positions = IntStream.range(first, Math.min(first + batchSize, pictures.size()))
                    .toArray();
            try (TensorScope scope = TensorScope.open();
                    NoGradGuard noGrad = new NoGradGuard()) {
                Batch batch = Devices.toDevice(Batch.of(pictures, positions), device);
                Tensor images = batch.images().flatten(1, -1);
                Tensor out = outputs(images, parameters);
                double error = outputs(images.to(ScalarType.Double), parameters)
                        .sub(out)
                        .abs()
                        .max()
                        .item_double();
                T_TensorTensor_T two = out.topk(2);
                Tensor margin = two.get0().select(1, 0).sub(two.get0().select(1, 1));
                Tensor oneIsRight = two.get1().eq(batch.labels().unsqueeze(1)).any(1);
                Tensor near = margin.masked_select(margin.le(new Scalar(Replay.MAX_ROUNDING_ERRORS * error))
                        .logical_and(oneIsRight));
                if (near.numel() > 0) {
                    count += Math.toIntExact(near.numel());
                    smallest = Math.min(smallest, near.min().item_double());
                    largestError = Math.max(largestError, error);
                    allowed += (double) near.numel() / positions.length / batches;
                }
            }
        }
        // The accuracy is a float32.
        return count == 0
                ? Optional.empty()
                : Optional.of(new ForkReport.Tie(epoch, count, smallest, largestError, allowed + Math.ulp(1f)));
    }

    private static Tensor outputs(Tensor images, TensorVector parameters) {
        return Replay.output(torch.relu(Replay.hidden(images, parameters)), parameters);
    }
}
