package io.github.mnistlibtorch.torch.distributed;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * The store that all processes share, and what they tell each other in it before they work together.
 *
 * @param store ends when it is closed; in the process that keeps it, for all. It is Java's own: what LibTorch is to share must
 *     be a {@code clone()}. To LibTorch, an object that Java has made counts no references, and would be freed with the first
 *     that it gives back.
 */
record StoreHandshake(DistributedEnvironment environment, Store store) {
    private static final String WORLD_SIZE = "WORLD_SIZE";
    private static final JsonMapper JSON = JsonMapper.shared();

    /** So long does the one that keeps the store wait for the others to read why they may not work together. */
    private static final Duration GOODBYE = Duration.ofSeconds(10);

    private static final long POLL_MILLISECONDS = 20;

    /** @return whose store the caller closes */
    static StoreHandshake open(DistributedEnvironment environment) throws InputException {
        if (!environment.hostsStore() && !waitUntil(environment.timeout(), environment::isAnswered)) {
            throw unreachable(environment, null);
        }
        // Rank 0 is its own first client, whatever the others call it.
        String host = environment.hostsStore() ? "localhost" : environment.masterAddr();
        try {
            return new StoreHandshake(environment, environment.callWithTimeout(() -> connect(host, environment)));
        } catch (TimeoutException e) {
            throw new DistributedException(
                    "something else than rank 0 answers at " + host + ":" + environment.masterPort()
                            + "; set MASTER_ADDR and MASTER_PORT to where rank 0 does",
                    e);
        } catch (RuntimeException e) { // LibTorch's
            String reason = ProcessGroup.reason(e);
            if (environment.hostsStore() && reason.contains("EADDRINUSE")) {
                throw new InputException(
                        "port " + environment.masterPort()
                                + " is in use on this machine; set MASTER_PORT to another one in all ranks",
                        e);
            }
            throw unreachable(environment, e);
        }
    }

    private static Store connect(String host, DistributedEnvironment environment) {
        try (TCPStoreOptions options = new TCPStoreOptions();
                SizeTPointer workers = new SizeTPointer(1).put(environment.worldSize());
                Milliseconds timeout = ProcessGroup.milliseconds(environment)) {
            options.port((short) environment.masterPort())
                    .isServer(environment.hostsStore())
                    // A rank 0 in Python counts who has come; one here looks at their keys.
                    .numWorkers(workers)
                    .waitWorkers(!environment.hostsStore())
                    .timeout(timeout)
                    .useLibUV(true);
            return new TCPStore(host, options);
        }
    }

    private static DistributedException unreachable(DistributedEnvironment environment, @Nullable Throwable cause) {
        return tooLate("rank " + environment.rank() + " has not reached rank 0 at ", environment, cause);
    }

    private static DistributedException tooLate(
            String what, DistributedEnvironment environment, @Nullable Throwable cause) {
        return new DistributedException(
                what + environment.masterAddr() + ":" + environment.masterPort() + " within "
                        + environment.timeout().toSeconds()
                        + " s; start all ranks, or wait longer with --master-timeout",
                cause);
    }

    /**
     * Tells the others what this process has to have in common with them, and looks at theirs.
     *
     * @throws InputException if they differ, with all that does
     * @throws DistributedException if not all come in time
     */
    void agree(Map<String, String> own) throws InputException {
        int rank = environment.rank();
        Map<String, String> all = new LinkedHashMap<>();
        all.put(WORLD_SIZE, Integer.toString(environment.worldSize()));
        all.putAll(own);
        try (TensorScope scope = TensorScope.open()) {
            Store keys = keys();
            if (keys.add("joined/" + rank, 1) > 1) {
                throw new InputException("another process has joined as rank " + rank + "; give each its own RANK");
            }
            keys.set(key(rank), JSON.writeValueAsString(all));
            List<String> differences = differences(keys);
            if (!differences.isEmpty()) {
                awaitPeersBeforeClose(keys);
                throw new InputException("the ranks have not been started alike: " + String.join("; ", differences)
                        + "; start all with the same version, options and data");
            }
        }
    }

    /**
     * The address under which the others reach this process. One that calls the host of rank 0 by a loopback address, as rank 0
     * itself may, asks the others whether all are on one machine.
     *
     * @param own address, from which it reaches rank 0
     */
    String reachableAddress(String own) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Store keys = keys();
            keys.set("address/" + environment.rank(), own);
            for (int rank = 0; rank < environment.worldSize() && DistributedEnvironment.isLoopback(own); rank++) {
                String other = read(keys, "address/" + rank, rank);
                if (!DistributedEnvironment.isLoopback(other)) {
                    return DistributedEnvironment.addressTowards(other);
                }
            }
            return own;
        }
    }

    /** Of this attempt, in the scope in which this is called. */
    private Store keys() {
        return new PrefixStore("mnist-libtorch/" + environment.attempt(), store.clone());
    }

    private List<String> differences(Store keys) {
        List<String> differences = new ArrayList<>();
        Map<String, String> first = read(keys, 0);
        Set<Integer> ranks = new LinkedHashSet<>(Set.of(environment.rank()));
        IntStream.range(1, environment.worldSize()).forEach(ranks::add);
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
        return JSON.readValue(read(keys, key(rank), rank), new TypeReference<LinkedHashMap<String, String>>() {});
    }

    private String read(Store keys, String key, int rank) {
        StringVector wanted = new StringVector(key);
        // Asked again and again: a wait that ends without an answer makes LibTorch write to standard error.
        if (!waitUntil(environment.timeout(), () -> keys.check(wanted))) {
            throw tooLate("rank " + rank + " of " + environment.worldSize() + " has not come to ", environment, null);
        }
        return keys.get_to_str(key);
    }

    /** The store ends with the process that keeps it: that one goes last. */
    private void awaitPeersBeforeClose(Store keys) {
        keys.add("goodbye", 1);
        if (environment.hostsStore()) {
            waitUntil(GOODBYE, () -> keys.add("goodbye", 0) >= environment.worldSize());
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
