package io.github.mnistlibtorch.distributed;

import io.github.mnistlibtorch.libtorch.LibTorch;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/** Makes NCCL's process group, with LibTorch's build for the GPU; prints how far it came. */
final class NcclRank {
    private NcclRank() {}

    public static void main(String[] arguments) {
        LibTorch.start();
        System.out.println("has NCCL: " + ProcessGroup.hasNccl());
        TCPStoreOptions options = new TCPStoreOptions()
                .port((short) Integer.parseInt(arguments[0]))
                .isServer(true)
                .timeout(new Milliseconds(20_000));
        try {
            ProcessGroup.newNccl(new TCPStore("127.0.0.1", options), 0, 1);
            System.out.println("made");
        } catch (RuntimeException e) { // LibTorch's
            System.out.println(LibTorch.firstLine(e));
        }
    }
}
