package io.github.mnistlibtorch.fuzz;

import io.github.mnistlibtorch.app.parity.TraceFile;

/** Traces. */
public final class TraceFuzz {
    private static final Scratch RAW = new Scratch("trace.json");
    private static final Scratch GZIPPED = new Scratch("trace.json.gz");

    private TraceFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        boolean gzipped = data.length > 1 && data[0] == 0x1f && data[1] == (byte) 0x8b;
        (gzipped ? GZIPPED : RAW).give(data, TraceFile::read);
    }
}
