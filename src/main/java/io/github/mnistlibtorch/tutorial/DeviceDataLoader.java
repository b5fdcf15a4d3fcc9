package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.BatchIterator;
import io.github.mnistlibtorch.torch.data.CopyStream;
import io.github.mnistlibtorch.torch.data.DataLoader;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Wrap a data loader to move data to a device: the article's {@code class DeviceDataLoader}. */
public final class DeviceDataLoader implements Iterable<Batch> {
    private final DataLoader<Batch> dl;
    private final Device device;
    private final ScalarType dtype;

    /** @param device stays the caller's, and is needed as long as this loader is */
    public DeviceDataLoader(DataLoader<Batch> dl, Device device) {
        this(dl, device, ScalarType.Float);
    }

    /** @param dtype what the images become on the way; float32 is what they are */
    public DeviceDataLoader(DataLoader<Batch> dl, Device device, ScalarType dtype) {
        this.dl = dl;
        this.device = device;
        this.dtype = dtype;
    }

    /**
     * Yields each batch after moving it to the device; it lives until the next one is asked for.
     *
     * <p>A GPU copies one batch ahead, while it computes with the one before. This is why its loader should have pinned
     * memory: from any other, {@code non_blocking} or not, the thread waits for the copy.
     */
    @Override
    public BatchIterator<Batch> iterator() {
        return device.is_cuda()
                ? dl.iterator().ahead(new CopyStream(device, this::toDevice))
                : dl.iterator().map(this::toDevice);
    }

    private Batch toDevice(Batch batch) {
        return new Batch(Devices.toDevice(batch.images(), device, dtype), Devices.toDevice(batch.labels(), device));
    }

    /** Number of batches: {@code len(loader)}. */
    public int size() {
        return dl.size();
    }
}
