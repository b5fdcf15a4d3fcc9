package io.github.mnistlibtorch.tutorial;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Choosing a device and moving data and models to it. */
public final class Devices {
    private Devices() {}

    /** Pick GPU if available, else CPU: the article's {@code get_default_device()}. */
    public static Device getDefaultDevice() {
        LibTorch.ensureStarted();
        return torch.cuda_is_available() ? new Device("cuda") : new Device("cpu");
    }

    /**
     * The device of a name: {@code torch.device(name)}.
     *
     * @param name {@code cpu}, {@code cuda}, {@code cuda:1}, {@code meta}, …
     * @throws IllegalArgumentException if LibTorch knows no such device
     */
    public static Device of(String name) {
        LibTorch.ensureStarted();
        try {
            return new Device(name);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(LibTorch.firstLine(e), e);
        }
    }

    /**
     * Moves a tensor: {@code data.to(device, non_blocking=True)}.
     *
     * @return a new handle: on another tensor, or on the same one if it is on the device already
     */
    public static Tensor toDevice(Tensor data, Device device) {
        return toDevice(data, device, data.scalar_type());
    }

    /** Moves a tensor and converts it on the way: {@code data.to(device, dtype, non_blocking=True)}. */
    public static Tensor toDevice(Tensor data, Device device, ScalarType dtype) {
        return data.to(device, dtype, /* non_blocking= */ true, /* copy= */ false, null);
    }

    /** Moves both tensors of a batch; the result is a batch of its own. */
    public static Batch toDevice(Batch batch, Device device) {
        return batch.mapTensors(tensor -> toDevice(tensor, device));
    }

    /** Moves each element of a list, and of the lists and maps in it: Python's {@code [to_device(x, device) for x in data]}. */
    @SuppressWarnings("unchecked") // a list is mapped to a list of the same things on another device
    public static <T> List<T> toDevice(List<T> data, Device device) {
        return (List<T>) requireNonNull(Tensors.map(data, tensor -> toDevice(tensor, device)));
    }

    /** Moves the parameters of a model, in place: {@code to_device(model, device)}. */
    public static <M extends Module> M toDevice(M model, Device device) {
        model.to(device, /* non_blocking= */ true);
        return model;
    }

    /**
     * Converts the parameters and buffers of a model, in place: {@code model.to(dtype)}. As in Python, and other than LibTorch's
     * {@code Module.to}, what is no floating-point number, such as {@code num_batches_tracked}, stays what it is.
     *
     * @param dtype float32 or float64
     */
    public static <M extends Module> M toDtype(M model, ScalarType dtype) {
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            for (TensorVector tensors : List.of(model.parameters(), model.buffers())) {
                for (long i = 0; i < tensors.size(); i++) {
                    Tensor tensor = tensors.get(i);
                    if (tensor.is_floating_point()) {
                        tensor.set_data(tensor.to(dtype));
                    }
                }
            }
        }
        return model;
    }
}
