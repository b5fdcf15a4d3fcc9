package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Many pictures as one: {@code torchvision.utils.make_grid} and {@code torchvision.utils.save_image}.
 *
 * <p>A tensor of pictures is (B, C, H, W), or one picture as (C, H, W) or (H, W). One channel is repeated to three; any
 * other number of channels is kept. The tensors given are never changed.
 */
public final class Grid {
    private Grid() {}

    /**
     * How to lay out a grid: the keyword arguments of {@code make_grid}.
     *
     * @param nrow pictures in a row (not rows)
     * @param padding pixels around each picture
     * @param normalize whether to shift the values into [0, 1]: {@code (clamp(x, low, high) - low) / (high - low)}
     * @param valueRange low and high for {@code normalize}; {@code null} for the least and the greatest value found
     * @param scaleEach whether {@code normalize} looks for these in each picture and not in all together
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

        /** {@code nrow=nrow}. */
        public Options withNrow(int nrow) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        /** {@code padding=padding}. */
        public Options withPadding(int padding) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        /** {@code normalize=normalize}. */
        public Options withNormalize(boolean normalize) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        /** {@code value_range=(low, high)}; as in Python without effect unless {@code normalize} is on. */
        public Options withValueRange(double low, double high) {
            return new Options(nrow, padding, normalize, new ValueRange(low, high), scaleEach, padValue);
        }

        /** {@code scale_each=scaleEach}; as in Python without effect unless {@code normalize} is on. */
        public Options withScaleEach(boolean scaleEach) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }

        /** {@code pad_value=padValue}. */
        public Options withPadValue(double padValue) {
            return new Options(nrow, padding, normalize, valueRange, scaleEach, padValue);
        }
    }

    /** The values that become 0 and 1. */
    public record ValueRange(double low, double high) {}

    /**
     * {@code make_grid(images, nrow=nrow)}.
     *
     * @param nrow pictures in a row
     * @return see {@link #makeGrid(Tensor, Options)}
     * @throws IllegalArgumentException see there
     */
    public static Tensor makeGrid(Tensor images, int nrow) {
        return makeGrid(images, Options.defaults().withNrow(nrow));
    }

    /**
     * {@code make_grid(images, nrow=..., padding=..., ...)}: picture k goes to row k / nrow, column k % nrow.
     *
     * @return (C, rows · (H + padding) + padding, columns · (W + padding) + padding) in the type and on the device of
     *     {@code images}, cells without a picture filled like the padding; for a single picture that picture, (C, H, W)
     *     without padding, which shares memory with {@code images} where it has three channels and is not normalized.
     *     It never requires a gradient
     * @throws IllegalArgumentException if there is no picture, {@code nrow} is not positive, or the shape or type cannot
     *     be laid out (whole numbers cannot be normalized, for example)
     */
    public static Tensor makeGrid(Tensor images, Options options) {
        try (Tensor grid = gridOf(images, options)) {
            // A handle made out here belongs to the caller's scope, as the result of any operation does.
            return new Tensor(grid);
        }
    }

    /**
     * {@code make_grid([image, ...], ...)}: the tensors, all of one shape, are stacked first. As in Python a list of
     * (H, W) tensors is therefore read as one picture with that many channels.
     *
     * @return see {@link #makeGrid(Tensor, Options)}
     * @throws IllegalArgumentException see there; also if the list is empty or shapes differ
     */
    public static Tensor makeGrid(List<Tensor> images, Options options) {
        try (Tensor stacked = stack(images)) {
            return makeGrid(stacked, options);
        }
    }

    /**
     * {@code save_image(images, file, nrow=..., ...)}: writes {@link #makeGrid(Tensor, Options)} as a picture, whole or
     * not at all. A value of 0 is black, 1 is full; what lies outside is clamped, what lies between two of the 256 steps
     * goes to the nearer. One channel is written as RGB, two as grey with opacity, four as RGB with opacity.
     *
     * @param file its extension tells the format: {@code .png}, {@code .jpg}, {@code .bmp} or {@code .gif}; its folder
     *     must exist
     * @throws IllegalArgumentException as for {@code makeGrid}; also if the extension is unknown or the format cannot
     *     hold that many channels
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void saveImage(Tensor images, Path file, Options options) throws IOException {
        ImageFormat format = ImageFormat.ofFile(file);
        AtomicFile.write(file, out -> saveImage(images, out, format, options));
    }

    /**
     * {@code save_image(images, file, nrow=nrow)}.
     *
     * @param nrow images in a row
     * @throws IllegalArgumentException see {@link #saveImage(Tensor, Path, Options)}
     * @throws IOException see there
     */
    public static void saveImage(Tensor images, Path file, int nrow) throws IOException {
        saveImage(images, file, Options.defaults().withNrow(nrow));
    }

    /**
     * {@code save_image([image, ...], file, ...)}, the list taken as in {@link #makeGrid(List, Options)}.
     *
     * @throws IllegalArgumentException see {@link #saveImage(Tensor, Path, Options)}
     * @throws IOException see there
     */
    public static void saveImage(List<Tensor> images, Path file, Options options) throws IOException {
        try (Tensor stacked = stack(images)) {
            saveImage(stacked, file, options);
        }
    }

    /**
     * {@code save_image(images, stream, format=format, ...)}.
     *
     * @param out left open
     * @param format {@code "PNG"}, {@code "JPEG"}, {@code "BMP"} or {@code "GIF"}
     * @throws IllegalArgumentException see {@link #saveImage(Tensor, Path, Options)}
     * @throws IOException if {@code out} fails
     */
    public static void saveImage(Tensor images, OutputStream out, String format, Options options) throws IOException {
        saveImage(images, out, ImageFormat.named(format), options);
    }

    private static void saveImage(Tensor images, OutputStream out, ImageFormat format, Options options)
            throws IOException {
        try (Tensor pixels = pixels(images, options)) {
            if (pixels.numel() == 0) {
                throw new IllegalArgumentException("cannot write a picture without pixels: " + pixels.size(0) + " x "
                        + pixels.size(1) + " of " + pixels.size(2) + " channels");
            }
            byte[] samples = new byte[Math.toIntExact(pixels.numel())];
            pixels.data_ptr_byte().get(samples);
            format.write(samples, (int) pixels.size(1), (int) pixels.size(0), (int) pixels.size(2), out);
        }
    }

    /** The grid as uint8 (H, W, C). */
    private static Tensor pixels(Tensor images, Options options) {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            return scope.keep(makeGrid(images, options)
                    .mul(new Scalar(255))
                    // The conversion to whole numbers truncates.
                    .add_(new Scalar(0.5))
                    .clamp_(new ScalarOptional(new Scalar(0)), new ScalarOptional(new Scalar(255)))
                    .permute(1, 2, 0)
                    .to(ScalarType.Byte)
                    .cpu()
                    .contiguous());
        } catch (RuntimeException e) {
            throw refused(e);
        }
    }

    private static Tensor stack(List<Tensor> images) {
        try (TensorVector vector = new TensorVector(images.toArray(Tensor[]::new))) {
            return torch.stack(vector);
        } catch (RuntimeException e) {
            throw refused(e);
        }
    }

    private static Tensor gridOf(Tensor images, Options options) {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Tensor batch = asBatch(images);
            if (options.normalize()) {
                batch = normalize(batch.clone(), options);
            }
            Tensor grid = batch.size(0) == 1 ? batch.squeeze(0) : layOut(batch, options);
            // A view inherits that its base requires a gradient, even with gradients off.
            return scope.keep(grid.detach());
        } catch (RuntimeException e) {
            throw refused(e);
        }
    }

    private static Tensor asBatch(Tensor images) {
        Tensor batch = images;
        if (batch.dim() == 2) {
            batch = batch.unsqueeze(0);
        }
        if (batch.dim() == 3) {
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
        // A constant picture has no range to divide by; torchvision's least divisor makes it all 0.
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

    /** What LibTorch says of arguments that do not fit, without its native stack trace. */
    private static IllegalArgumentException refused(RuntimeException e) {
        return e instanceof IllegalArgumentException own ? own : new IllegalArgumentException(LibTorch.firstLine(e), e);
    }
}
