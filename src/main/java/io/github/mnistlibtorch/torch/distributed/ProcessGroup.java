package io.github.mnistlibtorch.torch.distributed;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Resources;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.BroadcastOptions;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.gloo.Device;
import org.bytedeco.pytorch.nccl.ProcessGroupNCCL;
import org.jspecify.annotations.Nullable;

/**
 * The processes of one run, connected each with each: {@code torch.distributed} after
 * {@code init_process_group("gloo")}. What it does, all of them do, in the same order.
 *
 * <p>Tensors on a GPU go through NCCL, if its libraries are there, and otherwise through Gloo. Neither has been tried: it takes
 * a GPU.
 */
public final class ProcessGroup implements AutoCloseable {
    /** Gloo's own threads, as in Python. */
    private static final int THREADS = 2;

    private final DistributedEnvironment environment;
    private final Store store;

    /** {@code null} if nobody was asked. */
    private final @Nullable RankMonitor monitor;

    private final Backend gloo;

    /** For tensors on a GPU; made with the first. */
    private @Nullable Backend nccl;

    private ProcessGroup(DistributedEnvironment environment, Store store, @Nullable RankMonitor monitor, Backend gloo) {
        this.environment = environment;
        this.store = store;
        this.monitor = monitor;
        this.gloo = gloo;
    }

    /**
     * Joins the others: {@code dist.init_process_group("gloo", timeout=timeout)}. LibTorch must have started.
     *
     * @param agreed what all processes must have in common, by name; empty to ask nobody
     * @throws InputException if the host does not resolve, the port is in use, or the processes differ in what is to be
     *     agreed
     * @throws IOException if this machine has no network
     * @throws DistributedException if not all come in time
     */
    public static ProcessGroup init(DistributedEnvironment environment, Map<String, String> agreed) throws IOException {
        String address;
        try {
            address = environment.localAddress();
            loadGloo();
        } catch (IOException | RuntimeException e) {
            environment.tellRefused(reason(e));
            throw e;
        }
        StoreHandshake meeting = StoreHandshake.open(environment);
        Store store = meeting.store();
        return Resources.closeOnFailure(store::close, () -> {
            try (TensorScope scope = TensorScope.open()) {
                if (agreed.isEmpty()) {
                    return new ProcessGroup(
                            environment,
                            store,
                            null,
                            connect(keys(store, environment, "cpu"), environment, address, null));
                }
                RankMonitor monitor = meeting.agree(agreed);
                try {
                    String reachable = meeting.reachableAddress(address, monitor);
                    Backend gloo = connect(keys(store, environment, "cpu"), environment, reachable, monitor);
                    return new ProcessGroup(environment, store, monitor, gloo);
                } catch (IOException | RuntimeException e) {
                    throw meeting.leave(e, monitor);
                }
            }
        });
    }

    private static void loadGloo() {
        try {
            LibTorch.loadGloo();
        } catch (LinkageError e) {
            throw new DistributedException(
                    "LibTorch has no Gloo on this system, so processes cannot train together here; Linux has it", e);
        }
    }

    private static Backend connect(
            Store keys, DistributedEnvironment environment, String address, @Nullable RankMonitor monitor) {
        Duration timeout = monitor == null ? environment.timeout() : environment.silence();
        ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create(new Milliseconds(timeout.toMillis()));
        Device[] devices = environment.interfaces().isEmpty()
                ? new Device[] {ProcessGroupGloo.createDeviceForHostname(address)}
                : environment.interfaces().stream()
                        .map(ProcessGroupGloo::createDeviceForInterface)
                        .toArray(Device[]::new);
        options.devices(new GlooDeviceVector(devices)).threads(THREADS);
        try {
            return environment.callWithTimeout(
                    () -> new ProcessGroupGloo(keys, environment.rank(), environment.worldSize(), options),
                    monitor == null ? new CompletableFuture<>() : monitor.cause());
        } catch (DistributedException e) {
            throw e;
        } catch (TimeoutException | RuntimeException e) { // LibTorch's
            String cause = monitor == null ? null : monitor.awaitCause(environment.margin());
            if (cause != null) {
                throw new DistributedException(cause, e);
            }
            String reason = e instanceof TimeoutException
                    ? "not within " + environment.timeout().toSeconds() + " s"
                    : reason(e);
            throw new DistributedException(
                    "rank " + environment.rank() + ", at " + address + ", and the others cannot connect (" + reason
                            + "); where that is the wrong network, set GLOO_SOCKET_IFNAME to the interface, in all ranks",
                    e);
        }
    }

    /** Where Python's default group has its keys, for the backend of a kind of device. */
    private static Store keys(Store store, DistributedEnvironment environment, String device) {
        String attempt = environment.attempt() == 0 ? "" : "attempt_" + environment.attempt() + "/";
        return new PrefixStore(attempt + "default_pg/0//" + device + "/", store.clone()).clone();
    }

    /** Whether tensors on a GPU go through NCCL: LibTorch's build for the GPU is loaded, and all that NCCL needs. */
    public static boolean hasNccl() {
        return Nccl.LOADS;
    }

    /** Looked for once, when it is first asked for: to fail at every step would take longer than the step. */
    private static final class Nccl {
        static final boolean LOADS = loads();

        private static boolean loads() {
            try {
                LibTorch.loadNccl();
                return true;
            } catch (LinkageError e) {
                return false;
            }
        }
    }

    private Backend backendFor(Tensor tensor) {
        if (!tensor.is_cuda() || !hasNccl()) {
            return gloo;
        }
        if (nccl == null) {
            try (TensorScope scope = TensorScope.open()) {
                nccl = scope.keep(newNccl(store, environment));
            }
        }
        return nccl;
    }

    /** Apart, as its classes are there with the build for the GPU only. */
    static Backend newNccl(Store store, DistributedEnvironment environment) {
        Backend made =
                new ProcessGroupNCCL(keys(store, environment, "cuda"), environment.rank(), environment.worldSize());
        made.setTimeout(milliseconds(environment));
        return made;
    }

    static Milliseconds milliseconds(DistributedEnvironment environment) {
        return new Milliseconds(environment.timeout().toMillis());
    }

    /** {@code dist.get_rank()}. */
    public int rank() {
        return environment.rank();
    }

    /** {@code dist.get_world_size()}. */
    public int worldSize() {
        return environment.worldSize();
    }

    /**
     * Replaces each tensor by its sum over all processes: {@code dist.all_reduce(tensor)}. All are under way at once.
     *
     * @param tensors at least one, all on one device, contiguous, of the same shapes and dtypes in all processes
     * @throws DistributedException if another process is gone, or does not answer in time
     */
    public void allReduce(List<Tensor> tensors) {
        requireAll();
        try (TensorScope scope = TensorScope.open()) {
            List<Work> works = new ArrayList<>();
            Backend backend = backendFor(tensors.get(0));
            try {
                for (Tensor tensor : tensors) {
                    works.add(backend.allreduce(new TensorVector(tensor)));
                }
                works.forEach(Work::_wait);
            } catch (RuntimeException e) { // LibTorch's
                throw lost(e);
            }
        }
    }

    /**
     * Replaces a tensor by that of another process: {@code dist.broadcast(tensor, src)}.
     *
     * @param tensor contiguous, of the same shape and dtype in all processes
     * @throws DistributedException if another process is gone, or does not answer in time
     */
    public void broadcast(Tensor tensor, int src) {
        requireAll();
        try (TensorScope scope = TensorScope.open()) {
            backendFor(tensor)
                    .broadcast(new TensorVector(tensor), new BroadcastOptions().rootRank(src))
                    ._wait();
        } catch (RuntimeException e) { // LibTorch's
            throw lost(e);
        }
    }

    /**
     * What rank 0 has, in all processes: {@code dist.broadcast_object_list(…)}.
     *
     * @param bytes in rank 0; elsewhere {@code null}
     */
    public byte[] broadcast(byte @Nullable [] bytes) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor length = torch.tensor(bytes == null ? 0L : bytes.length);
            broadcast(length, 0);
            byte[] content = bytes == null ? new byte[Math.toIntExact(length.item_long())] : bytes;
            Tensor data = torch.empty(new long[] {content.length}, new TensorOptions(ScalarType.Byte), null);
            if (content.length > 0) {
                data.data_ptr_byte().put(content);
                broadcast(data, 0);
                data.data_ptr_byte().get(content);
            }
            return content;
        }
    }

    /** Waits until all processes have come so far: {@code dist.barrier()}. */
    public void barrier() {
        requireAll();
        try (TensorScope scope = TensorScope.open()) {
            gloo.barrier()._wait();
        } catch (RuntimeException e) { // LibTorch's
            throw lost(e);
        }
    }

    private void requireAll() {
        if (monitor != null && monitor.cause().isDone()) {
            throw new DistributedException(monitor.cause().join(), null);
        }
    }

    private DistributedException lost(RuntimeException e) {
        String cause = monitor == null ? null : monitor.awaitCause(environment.margin());
        return new DistributedException(
                cause == null
                        ? "rank " + rank() + " has lost another of the " + worldSize() + " ranks (" + reason(e) + ")"
                        : cause,
                e);
    }

    /** Tells the other ranks that this one cannot go on, and why: in a sentence, which they end with. */
    public void fail(String reason) {
        if (monitor != null) {
            monitor.fail(StoreHandshake.failed(rank(), reason));
        }
    }

    /** What LibTorch says, without the place in its source. */
    static String reason(Throwable e) {
        return LibTorch.firstLine(e).replaceAll("\\[[^\\]]*\\.(cc|cpp|h|hpp):\\d+\\]\\s*", "");
    }

    /** Leaves the group: {@code dist.destroy_process_group()}. The others need not be there any more. */
    @Override
    public void close() {
        boolean failed = monitor != null && monitor.cause().isDone();
        if (monitor != null) {
            monitor.close();
        }
        if (failed) {
            return; // Gloo would wait for what is under way; the process ends
        }
        if (nccl != null) {
            nccl.close();
        }
        gloo.close();
        store.close();
    }
}
