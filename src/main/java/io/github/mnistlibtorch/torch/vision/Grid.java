package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Many images as one: {@code torchvision.utils.make_grid} and {@code torchvision.utils.save_image}.
 *
 * <p>A tensor of images is (B, C, H, W), or one image as (C, H, W) or (H, W). One channel is repeated to three; any other
 * number of channels is kept. A list of tensors, all of one shape, is stacked first; as in Python a list of (H, W) tensors is
 * therefore read as one image with that many channels. The tensors given are never changed.
 *
 * <p>Every method throws {@link IllegalArgumentException} if there is no image, {@code nrow} is not positive, or shapes or
 * types cannot be laid out (whole numbers cannot be normalized, for example).
 */
public final class Grid {
    private Grid() {}

    /**
     * How to lay out a grid: the keyword arguments of {@code make_grid}.
     *
     * @param nrow images in a row (not rows)
     * @param padding pixels around each image
     * @param normalize whether to shift the values into [0, 1]: {@code (clamp(x, low, high) - low) / (high - low)}
     * @param valueRange low and high for {@code normalize}; {@code null} for the least and the greatest value found
     * @param scaleEach whether {@code normalize} looks for these in each image and not in all together
     * @param padValue value of the padding, which is never normalized
     */
    public record Options(
            int nrow,
            int padding,
            boolean normalize,
            @Nullable ValueRange valueRange,
            boolean scaleEach,
            double padValue) {

        /** Python's: 8 in a row, 2 pixels of value 0 around each, not normalized. */
        public static Options defaults() {
            return new Options(8, 2, false, null, false, 0);
        }

        public Options withNrow(int nrow) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        public Options withPadding(int padding) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        public Options withNormalize(boolean normalize) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        public Options withValueRange(double low, double high) {
            return new Options(nrow, padding, normalize, new ValueRange(low, high), scaleEach, padValue);
        }

        public Options withScaleEach(boolean scaleEach) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        public Options withPadValue(double padValue) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }
    }

    /** The values that become 0 and 1. */
    public record ValueRange(double low, double high) {}

    /** {@code make_grid(images, nrow=nrow)}. */
    public static Tensor makeGrid(Tensor images, int nrow) {
        return makeGrid(images, Options.defaults().withNrow(nrow));
    }

    /**
     * {@code make_grid(images, nrow=..., padding=..., ...)}: image k goes to row k / nrow, column k % nrow.
     *
     * @return (C, rows · (H + padding) + padding, columns · (W + padding) + padding) in the type and on the device of
     *     {@code images}, cells without an image filled like the padding; for a single image that image, (C, H, W)
     *     without padding, which shares memory with {@code images} where it has three channels and is not normalized.
     *     It never requires a gradient
     */
    public static Tensor makeGrid(Tensor images, Options options) {
        return compute(() -> grid(images, options));
    }

    /** {@code make_grid([image, ...], ...)}. */
    public static Tensor makeGrid(List<Tensor> images, Options options) {
        return compute(() -> grid(stack(images), options));
    }

    /**
     * {@code save_image(images, file, nrow=..., ...)}: writes {@link #makeGrid(Tensor, Options)} as an image, whole or
     * not at all. A value of 0 is black, 1 is full; what lies outside is clamped, what lies between two of the 256 steps
     * goes to the nearer. One channel is written as RGB, two as grey with opacity, four as RGB with opacity.
     *
     * @param file its extension tells the format: {@code .png}, {@code .jpg}, {@code .bmp} or {@code .gif}; its folder
     *     must exist
     * @throws IllegalArgumentException also if the extension is unknown or the format cannot hold that many channels
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void saveImage(Tensor images, Path file, Options options) throws IOException {
        ImageFormat format = ImageFormat.ofFile(file);
        AtomicFile.write(file, out -> saveImage(images, out, format, options));
    }

    /** {@code save_image(images, file, nrow=nrow)}. */
    public static void saveImage(Tensor images, Path file, int nrow) throws IOException {
        saveImage(images, file, Options.defaults().withNrow(nrow));
    }

    /** {@code save_image([image, ...], file, ...)}. */
    public static void saveImage(List<Tensor> images, Path file, Options options) throws IOException {
        try (Tensor stacked = compute(() -> stack(images))) {
            saveImage(stacked, file, options);
        }
    }

    /**
     * {@code save_image(images, stream, format=format, ...)}.
     *
     * @param out left open
     * @param format {@code "PNG"}, {@code "JPEG"}, {@code "BMP"} or {@code "GIF"}
     * @throws IOException if {@code out} fails
     */
    public static void saveImage(Tensor images, OutputStream out, String format, Options options) throws IOException {
        saveImage(images, out, ImageFormat.named(format), options);
    }

    private static void saveImage(Tensor images, OutputStream out, ImageFormat format, Options options)
            throws IOException {
        try (Tensor pixels = compute(() -> pixels(grid(images, options)))) {
            if (pixels.numel() == 0) {
                throw new IllegalArgumentException("cannot write a picture without pixels: " + pixels.size(0) + " x "
                        + pixels.size(1) + " of " + pixels.size(2) + " channels");
            }
            byte[] samples = new byte[Math.toIntExact(pixels.numel())];
            pixels.data_ptr_byte().get(samples);
            format.write(samples, (int) pixels.size(1), (int) pixels.size(0), (int) pixels.size(2), out);
        }
    }

    /**
     * Frees all but the result, a handle of the caller's scope as that of any operation. What LibTorch says of arguments
     * that do not fit is thrown without its native stack trace.
     */
    private static Tensor compute(Supplier<Tensor> operations) {
        Tensor result;
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            result = scope.keep(operations.get());
        } catch (IllegalArgumentException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(LibTorch.firstLine(e), e);
        }
        try (result) {
            return new Tensor(result);
        }
    }

    /** The grid as uint8 (H, W, C). */
    private static Tensor pixels(Tensor grid) {
        return grid.mul(new Scalar(255))
                // The conversion to whole numbers truncates.
                .add_(new Scalar(0.5))
                .clamp_(new ScalarOptional(new Scalar(0)), new ScalarOptional(new Scalar(255)))
                .permute(1, 2, 0)
                .to(ScalarType.Byte)
                .cpu()
                .contiguous();
    }

    private static Tensor stack(List<Tensor> images) {
        return torch.stack(new TensorVector(images.toArray(Tensor[]::new)));
    }

    private static Tensor grid(Tensor images, Options options) {
        Tensor batch = asBatch(images);
        if (options.normalize()) {
            batch = normalize(batch.clone(), options);
        }
        Tensor grid = batch.size(0) == 1 ? batch.squeeze(0) : layOut(batch, options);
        // A view inherits that its base requires a gradient, even with gradients off.
        return grid.detach();
    }

    private static Tensor asBatch(Tensor images) {
        Tensor batch = images;
        while (batch.dim() == 2 || batch.dim() == 3) {
            batch = batch.unsqueeze(0);
        }
        return batch.dim() == 4 && batch.size(1) == 1 ? batch.repeat(1, 3, 1, 1) : batch;
    }

    private static Tensor normalize(Tensor batch, Options options) {
        if (options.scaleEach()) {
            for (long k = 0; k < batch.size(0); k++) {
                normalizeInPlace(batch.select(0, k), options.valueRange());
            }
        } else {
            normalizeInPlace(batch, options.valueRange());
        }
        return batch;
    }

    private static void normalizeInPlace(Tensor images, @Nullable ValueRange range) {
        double low = range != null ? range.low() : images.min().item_double();
        double high = range != null ? range.high() : images.max().item_double();
        images.clamp_(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high)));
        // A constant image has no range to divide by; torchvision's least divisor makes it all 0.
        images.sub_(new Scalar(low)).div_(new Scalar(Math.max(high - low, 1e-5)));
    }

    private static Tensor layOut(Tensor batch, Options options) {
        int count = Math.toIntExact(batch.size(0));
        int columns = Math.min(options.nrow(), count);
        if (columns == 0) {
            throw new IllegalArgumentException("make_grid needs at least one picture, and nrow of at least 1; got "
                    + count + " pictures, nrow " + options.nrow());
        }
        int rows = (int) Math.ceil((double) count / columns);
        int padding = options.padding();
        long cellHeight = batch.size(2) + padding;
        long cellWidth = batch.size(3) + padding;
        Tensor grid = batch.new_full(
                new long[] {batch.size(1), cellHeight * rows + padding, cellWidth * columns + padding},
                new Scalar(options.padValue()));
        for (int k = 0; k < count; k++) {
            grid.narrow(1, k / columns * cellHeight + padding, batch.size(2))
                    .narrow(2, k % columns * cellWidth + padding, batch.size(3))
                    .copy_(batch.select(0, k));
        }
        return grid;
    }
}
