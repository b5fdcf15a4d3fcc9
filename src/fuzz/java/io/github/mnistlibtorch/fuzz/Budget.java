package io.github.mnistlibtorch.fuzz;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What an input may take of time and memory: a second of the thread that reads it, and 64 MB or four times its size if it is refused, of
 * Java's heap as it is taken, and of the rest of the process as it stays resident. {@code run.sh} has the heap resident from the beginning, so
 * that what the process grows by is native. The first inputs may take more, as they load the classes.
 */
public final class Budget {
    private static final long SECOND = 1_000_000_000;
    private static final long MEMORY = 64_000_000;
    private static final int TIMES = 4;

    /** What Jazzer's hooks allocate counts as the target's: for 5 MB of a pickle's many names, 60. */
    private static final int WITH_HOOKS = 4;

    private static final int WARM_UP = 1_000;

    /** Not of {@code /proc/self/statm}, which has no maximum. */
    private static final String STATUS = "/proc/self/status";

    private static final String MOST_RESIDENT = "VmHWM:";

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final @Nullable RandomAccessFile PROCESS = open();
    private static final byte[] BUFFER = new byte[4096];

    private static int inputs;

    private Budget() {}

    /** Reads an input. */
    @FunctionalInterface
    public interface Target {
        /** Returns whether the input is refused. */
        boolean run();
    }

    /** Runs {@code target} on an input of {@code size} bytes. */
    public static void hold(long size, Target target) {
        long resident = mostResident();
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        long begin = THREADS.getCurrentThreadCpuTime();
        boolean isRefused = target.run();
        long time = THREADS.getCurrentThreadCpuTime() - begin;
        allocated = THREADS.getCurrentThreadAllocatedBytes() - allocated;
        resident = mostResident() - resident;
        if (inputs++ < WARM_UP) {
            return;
        }
        if (time > SECOND) {
            throw new AssertionError("it took " + time / 1e9 + " s");
        }
        long limit = Math.max(MEMORY, TIMES * size);
        if (isRefused && (allocated > WITH_HOOKS * limit || resident > limit)) {
            throw new AssertionError("the refusal of " + size + " bytes took " + allocated + " bytes of the heap and "
                    + resident + " beside it");
        }
    }

    private static @Nullable RandomAccessFile open() {
        try {
            return new RandomAccessFile(STATUS, "r");
        } catch (IOException e) {
            return null; // not on Linux
        }
    }

    /** In bytes, since the process began; 0 where the system does not say. */
    private static long mostResident() {
        if (PROCESS == null) {
            return 0;
        }
        try {
            PROCESS.seek(0);
            int count = PROCESS.read(BUFFER);
            String status = new String(BUFFER, 0, Math.max(0, count), StandardCharsets.US_ASCII);
            int start = status.indexOf(MOST_RESIDENT) + MOST_RESIDENT.length();
            return 1_000
                    * Long.parseLong(status.substring(start, status.indexOf(" kB", start))
                            .strip());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
