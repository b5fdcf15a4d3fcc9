package io.github.mnistlibtorch.torch.data;

import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceGuardImplInterface;
import org.bytedeco.pytorch.Stream;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.EventFlag;

/**
 * Copies batches to a GPU on a stream of their own, beside the one that computes.
 *
 * <p>Who waits for what, none of it on the training thread:
 *
 * <ul>
 *   <li>the computation waits for the copy of its batch, by an event that is recorded behind the copy;
 *   <li>pinned memory may be freed while the GPU reads from it: LibTorch's caching allocator of pinned memory knows which
 *       streams have copied from it without blocking, records an event on each when it is freed, behind all that is queued
 *       there by then, and hands the memory out again only when these events have come;
 *   <li>the batch's memory on the GPU belongs to the stream of copies: it is noted that the computation uses it, so
 *       that LibTorch's caching allocator of the GPU's memory gives it to no other copy before that is done.
 * </ul>
 */
public final class CopyStream implements Prefetcher<Batch> {
    /**
     * One stream for each GPU, by its index, for as long as the program runs: freed memory is kept apart for each stream, so
     * that a stream for each pass would take new memory each time.
     */
    private static final Map<Byte, Long> STREAMS = new ConcurrentHashMap<>();

    private final Device device;
    private final UnaryOperator<Batch> copy;
    private final DeviceGuardImplInterface gpu = torch.getDeviceGuardImpl(DeviceType.CUDA);
    private final byte index;
    private final long stream;
    private final PointerPointer<Pointer> event;

    /**
     * @param device a GPU; stays the caller's
     * @param copy copies a batch to that GPU without waiting for it
     */
    public CopyStream(Device device, UnaryOperator<Batch> copy) {
        this.device = device;
        this.copy = copy;
        try (TensorScope scope = TensorScope.open()) {
            Stream computing = gpu.getStream(device);
            index = computing.device_index(); // "cuda" has none, and means the current one
            stream = STREAMS.computeIfAbsent(
                    index, gpu -> this.gpu.getStreamFromGlobalPool(device).id());
            event = scope.keep(new PointerPointer<Pointer>(1).put(0, null));
        }
    }

    @Override
    public Batch begin(Batch batch) {
        Stream copying = copying();
        Stream computing = gpu.exchangeStream(copying);
        try {
            Batch copied = copy.apply(batch);
            gpu.record(event, copying, index, EventFlag.PYTORCH_DEFAULT);
            return copied;
        } finally {
            gpu.exchangeStream(computing);
        }
    }

    @Override
    public Batch arrive(Batch batch) {
        try (TensorScope scope = TensorScope.open()) {
            Stream computing = gpu.getStream(device);
            gpu.block(event.get(0), computing);
            batch.images().record_stream(computing);
            batch.labels().record_stream(computing);
            return batch;
        }
    }

    @Override
    public void close() {
        Pointer recorded = event.get(0);
        if (recorded != null) {
            gpu.destroyEvent(recorded, index);
        }
        event.close();
    }

    /** In the open scope. */
    Stream copying() {
        return new Stream(Stream.Unsafe.UNSAFE, gpu.getStream(device).device(), stream);
    }
}
