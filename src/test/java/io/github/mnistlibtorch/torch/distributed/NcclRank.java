package io.github.mnistlibtorch.torch.distributed;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.time.Duration;
import java.util.List;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/** Makes NCCL's process group, with LibTorch's build for the GPU; prints how far it came. */
final class NcclRank {
    private NcclRank() {}

    public static void main(String[] arguments) {
        LibTorch.start();
        System.out.println("has NCCL: " + ProcessGroup.hasNccl());
        int port = Integer.parseInt(arguments[0]);
        DistributedEnvironment rendezvous =
                new DistributedEnvironment(0, 1, 0, "127.0.0.1", port, false, 0, List.of(), Duration.ofSeconds(20));
        TCPStoreOptions options =
                new TCPStoreOptions().port((short) port).isServer(true).timeout(new Milliseconds(20_000));
        try {
            ProcessGroup.newNccl(new TCPStore("127.0.0.1", options), rendezvous);
            System.out.println("made");
        } catch (RuntimeException e) { // LibTorch's
            System.out.println(LibTorch.firstLine(e));
        }
    }
}
