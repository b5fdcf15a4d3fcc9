package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.torch.vision.Mnist;

/** Data sets in a file of NumPy's. */
public final class NpzFuzz {
    private static final Scratch SCRATCH = new Scratch("set.npz");

    private NpzFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        SCRATCH.give(data, file -> {
            Mnist set = Mnist.load(file, Mnist.Split.TRAIN);
            if (set.classes().size() > 65_536 || set.size() < 1) {
                throw new AssertionError(set.toString());
            }
        });
    }
}
