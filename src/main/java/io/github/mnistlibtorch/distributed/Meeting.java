package io.github.mnistlibtorch.distributed;

import io.github.mnistlibtorch.io.InputException;
import io.github.mnistlibtorch.libtorch.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** The store that all processes share, and what they tell each other in it before they work together. */
final class Meeting {
    private static final String WORLD_SIZE = "WORLD_SIZE";
    private static final JsonMapper JSON = JsonMapper.shared();

    /** So long does the one that keeps the store wait for the others to read why they may not work together. */
    private static final Duration GOODBYE = Duration.ofSeconds(10);

    private static final long POLL_MILLISECONDS = 20;

    private final Rendezvous rendezvous;

    /**
     * Java's own: what LibTorch is to share must be a {@code clone()}. To LibTorch, an object that Java has made counts no
     * references, and would be freed with the first that it gives back.
     */
    private final Store store;

    private Meeting(Rendezvous rendezvous, Store store) {
        this.rendezvous = rendezvous;
        this.store = store;
    }

    /** @return whose store belongs to the scope in which this is called */
    static Meeting open(Rendezvous rendezvous) throws InputException {
        TCPStoreOptions options = new TCPStoreOptions()
                .port((short) rendezvous.masterPort())
                .isServer(rendezvous.answers())
                // A rank 0 in Python counts who has come; one here looks at their keys.
                .numWorkers(new SizeTPointer(1).put(rendezvous.worldSize()))
                .waitWorkers(!rendezvous.answers())
                .timeout(ProcessGroup.milliseconds(rendezvous))
                .useLibUV(true);
        if (!rendezvous.answers() && !waitUntil(rendezvous.timeout(), rendezvous::isAnswered)) {
            throw unreachable(rendezvous, null);
        }
        try {
            return new Meeting(rendezvous, new TCPStore(rendezvous.masterAddr(), options));
        } catch (RuntimeException e) { // LibTorch's
            String reason = ProcessGroup.reason(e);
            if (rendezvous.answers() && reason.contains("EADDRINUSE")) {
                throw new InputException(
                        "port " + rendezvous.masterPort()
                                + " is in use on this machine; set MASTER_PORT to another one in all ranks",
                        e);
            }
            throw unreachable(rendezvous, e);
        }
    }

    private static DistributedException unreachable(Rendezvous rendezvous, @Nullable Throwable cause) {
        return new DistributedException(
                "rank " + rendezvous.rank() + " has not reached rank 0 at " + rendezvous.masterAddr() + ":"
                        + rendezvous.masterPort() + " within "
                        + rendezvous.timeout().toSeconds()
                        + " s; start all ranks, or wait longer with --master-timeout",
                cause);
    }

    /** Ends with its last handle; in the process that keeps it, for all. */
    Store store() {
        return store;
    }

    /**
     * Tells the others what this process has to have in common with them, and looks at theirs.
     *
     * @throws InputException if they differ, with all that does
     * @throws DistributedException if not all come in time
     */
    void agree(Map<String, String> own) throws InputException {
        int rank = rendezvous.rank();
        Map<String, String> all = new LinkedHashMap<>();
        all.put(WORLD_SIZE, Integer.toString(rendezvous.worldSize()));
        all.putAll(own);
        try (Scope scope = Scope.open()) {
            Store keys = new PrefixStore("mnist-libtorch", store.clone());
            if (keys.add("joined/" + rank, 1) > 1) {
                throw new InputException("another process has joined as rank " + rank + "; give each its own RANK");
            }
            keys.set(key(rank), JSON.writeValueAsString(all));
            List<String> differences = differences(keys);
            if (!differences.isEmpty()) {
                sayGoodbye(keys);
                throw new InputException("the ranks have not been started alike: " + String.join("; ", differences)
                        + "; start all with the same version, options and data");
            }
        }
    }

    private List<String> differences(Store keys) {
        List<String> differences = new ArrayList<>();
        Map<String, String> first = read(keys, 0);
        Set<Integer> ranks = new LinkedHashSet<>(Set.of(rendezvous.rank()));
        IntStream.range(1, rendezvous.worldSize()).forEach(ranks::add);
        for (int rank : ranks) {
            Map<String, String> other = read(keys, rank);
            Set<String> names = new LinkedHashSet<>(first.keySet());
            names.addAll(other.keySet());
            for (String name : names) {
                String expected = first.getOrDefault(name, "missing");
                String actual = other.getOrDefault(name, "missing");
                if (!actual.equals(expected)) {
                    differences.add(name + " is " + expected + " in rank 0 and " + actual + " in rank " + rank);
                    if (name.equals(WORLD_SIZE)) {
                        return differences; // there may be no other ranks to wait for
                    }
                }
            }
        }
        return differences;
    }

    private Map<String, String> read(Store keys, int rank) {
        StringVector key = new StringVector(key(rank));
        // Asked again and again: a wait that ends without an answer makes LibTorch write to standard error.
        if (!waitUntil(rendezvous.timeout(), () -> keys.check(key))) {
            throw new DistributedException(
                    "rank " + rank + " of " + rendezvous.worldSize() + " has not come to " + rendezvous.masterAddr()
                            + ":"
                            + rendezvous.masterPort() + " within "
                            + rendezvous.timeout().toSeconds()
                            + " s; start all ranks, or wait longer with --master-timeout",
                    null);
        }
        return JSON.readValue(keys.get_to_str(key(rank)), new TypeReference<LinkedHashMap<String, String>>() {});
    }

    /** The store ends with the process that keeps it: that one goes last. */
    private void sayGoodbye(Store keys) {
        keys.add("goodbye", 1);
        if (rendezvous.answers()) {
            waitUntil(GOODBYE, () -> keys.add("goodbye", 0) >= rendezvous.worldSize());
        }
    }

    /** @return whether it came true in time */
    private static boolean waitUntil(Duration timeout, BooleanSupplier condition) {
        long end = System.nanoTime() + timeout.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                return false;
            }
            try {
                Thread.sleep(POLL_MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }

    private static String key(int rank) {
        return "rank/" + rank;
    }
}
