package io.github.mnistlibtorch.torch.distributed;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
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
 * @param opened when the process began to look for the others, as {@code System.nanoTime()} says
 * @param store ends when it is closed; in the process that keeps it, for all. It is Java's own: what LibTorch is to share must
 *     be a {@code clone()}. To LibTorch, an object that Java has made counts no references, and would be freed with the first
 *     that it gives back.
 */
record StoreHandshake(DistributedEnvironment environment, Store store, long opened) {
    /** Key of the reason why a rank that should take part does not. */
    static final String REFUSED = "refused";

    static final long POLL_MILLISECONDS = 20;

    private static final String WORLD_SIZE = "WORLD_SIZE";
    private static final String MONITOR = "monitor";
    private static final JsonMapper JSON = JsonMapper.shared();

    /** How long rank 0 keeps the store open so that the other ranks can read why they do not work together. */
    private static final Duration GOODBYE = Duration.ofSeconds(10);

    /** How long ranks that have not come yet are waited for when others are known to differ. */
    private static final Duration GRACE = Duration.ofSeconds(2);

    private static final int MAX_REASON_CHARACTERS = 1_000;

    /** @return whose store the caller closes */
    static StoreHandshake open(DistributedEnvironment environment) throws InputException {
        long opened = System.nanoTime();
        if (!environment.hostsStore()) {
            awaitStore(environment);
        }
        // Rank 0 is its own first client, whatever the others call it.
        String host = environment.hostsStore() ? "localhost" : environment.masterAddr();
        try {
            return new StoreHandshake(
                    environment, environment.callWithTimeout(() -> connect(host, environment)), opened);
        } catch (TimeoutException e) {
            throw StoreProbe.notRank0(environment);
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

    /** Asked first, as LibTorch would log every attempt. */
    private static void awaitStore(DistributedEnvironment environment) {
        StoreProbe.Answer[] last = {StoreProbe.Answer.NOBODY};
        boolean answered = waitUntil(environment.timeout(), () -> {
            last[0] = StoreProbe.ask(environment);
            return last[0] == StoreProbe.Answer.STORE;
        });
        if (!answered) {
            throw last[0] == StoreProbe.Answer.SILENCE
                    ? StoreProbe.notRank0(environment)
                    : unreachable(environment, null);
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
     * @return what tells of lost ranks from now on; the caller closes it
     * @throws InputException if they differ, with all that does
     * @throws DistributedException if not all come in time, or one of them is refused or lost
     */
    RankMonitor agree(Map<String, String> own) throws IOException {
        int rank = environment.rank();
        Map<String, String> all = new LinkedHashMap<>();
        all.put(WORLD_SIZE, Integer.toString(environment.worldSize()));
        all.putAll(own);
        RankMonitor monitor = null;
        try (TensorScope scope = TensorScope.open()) {
            Store keys = keys();
            if (keys.add("joined/" + rank, 1) > 1) {
                String reason = "another process has joined as rank " + rank + "; give each its own RANK";
                refuse(keys, reason);
                throw new InputException(reason);
            }
            monitor = monitor(keys, all);
            keys.set(key(rank), JSON.writeValueAsString(all));
            List<String> differences = differences(keys, monitor);
            if (!differences.isEmpty()) {
                throw notAlike(differences);
            }
            monitor.closePort();
            return monitor;
        } catch (IOException | RuntimeException e) {
            throw leave(e, monitor);
        }
    }

    private static InputException notAlike(List<String> differences) {
        return new InputException("the ranks have not been started alike: " + String.join("; ", differences)
                + "; start all with the same version, options and data");
    }

    /** What LibTorch throws means that the store is gone, and its keeper with it. */
    private Exception explain(Exception e, @Nullable RankMonitor monitor) {
        if (e instanceof IOException || e instanceof DistributedException) {
            return e;
        }
        String cause = monitor == null ? null : monitor.awaitCause(environment.margin());
        return new DistributedException(
                cause == null
                        ? "rank 0 has been lost: the store at MASTER_PORT has gone (" + ProcessGroup.reason(e) + ")"
                        : cause,
                e);
    }

    /**
     * Ends what has not come about; the keeper of the store stays until all know why, or the time is up.
     *
     * @return nothing: throws what it has failed with
     */
    RuntimeException leave(Exception failure, @Nullable RankMonitor monitor) throws IOException {
        Exception e = explain(failure, monitor);
        String reason = ProcessGroup.reason(e);
        String sentence = e instanceof DistributedException ? reason : failed(environment.rank(), reason);
        boolean isKnownToAll = e instanceof InputException; // each finds it out for itself
        if (monitor != null && !isKnownToAll) {
            monitor.fail(sentence);
        }
        if (environment.hostsStore()) {
            try (TensorScope scope = TensorScope.open()) {
                Store keys = keys();
                if (!isKnownToAll && !has(keys, REFUSED)) {
                    keys.set(REFUSED, sentence);
                }
                Duration rest = environment.timeout().minusNanos(System.nanoTime() - opened);
                waitUntil(
                        rest.compareTo(GOODBYE) < 0 ? rest : GOODBYE,
                        () -> IntStream.range(1, environment.worldSize())
                                .allMatch(other ->
                                        monitor != null && monitor.hasLeft(other) || has(keys, goodbye(other))));
            }
        }
        if (monitor != null) {
            monitor.close();
        }
        if (e instanceof IOException input) {
            throw input;
        }
        throw (RuntimeException) e;
    }

    /** Tells those who wait for all to come; a process too many is none of the business of those that work already. */
    private void refuse(Store keys, String reason) {
        if (!IntStream.range(0, environment.worldSize()).allMatch(other -> has(keys, key(other)))) {
            keys.set(REFUSED, refused(environment.rank(), reason));
        }
    }

    static String refused(int rank, String reason) {
        return sentence(rank, "been refused", reason);
    }

    static String failed(int rank, String reason) {
        return sentence(rank, "failed", reason);
    }

    private static String sentence(int rank, String what, String reason) {
        return "rank " + rank + " has " + what + ": "
                + reason.substring(0, Math.min(MAX_REASON_CHARACTERS, reason.length()));
    }

    private RankMonitor monitor(Store keys, Map<String, String> own) throws IOException {
        if (environment.rank() == 0) {
            RankMonitor monitor = RankMonitor.host(environment.silence());
            keys.set(MONITOR, monitor.announcement());
            return monitor;
        }
        if (!waitUntil(environment.timeout(), () -> {
            requireNoneRefused(keys);
            return has(keys, MONITOR);
        })) {
            throw tooLate("rank 0 of " + environment.worldSize() + " has not come to ", environment, null);
        }
        String announcement = keys.get_to_str(MONITOR);
        RankMonitor[] joined = {null};
        if (!waitUntil(environment.timeout(), () -> {
            requireNoneRefused(keys);
            try {
                joined[0] = RankMonitor.join(
                        environment.rank(), environment.masterAddr(), announcement, environment.silence());
                return true;
            } catch (IOException e) {
                return !differencesFromRank0(keys, own).isEmpty();
            }
        })) {
            throw unreachable(environment, null);
        }
        if (joined[0] == null) {
            keys.set(key(environment.rank()), JSON.writeValueAsString(own)); // for those who wait, if any do
            throw notAlike(differencesFromRank0(keys, own));
        }
        return joined[0];
    }

    /** For one that comes when the others work already, and no longer look at who comes. */
    private List<String> differencesFromRank0(Store keys, Map<String, String> own) {
        return has(keys, key(0))
                ? differences(Set.of(environment.rank()), Map.of(0, read(keys, 0), environment.rank(), own))
                : List.of();
    }

    /** What a rank has to have in common with the others, once it is there. */
    private static Map<String, String> read(Store keys, int rank) {
        return JSON.readValue(keys.get_to_str(key(rank)), new TypeReference<>() {});
    }

    private static boolean has(Store keys, String key) {
        try (StringVector wanted = new StringVector(key)) {
            return keys.check(wanted);
        }
    }

    private static void requireNoneRefused(Store keys) {
        if (has(keys, REFUSED)) {
            throw new DistributedException(keys.get_to_str(REFUSED), null);
        }
    }

    /**
     * The address under which the others reach this process. One that calls the host of rank 0 by a loopback address, as rank 0
     * itself may, asks the others whether all are on one machine.
     *
     * @param own address, from which it reaches rank 0
     */
    String reachableAddress(String own, RankMonitor monitor) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Store keys = keys();
            keys.set("address/" + environment.rank(), own);
            for (int rank = 0; rank < environment.worldSize() && DistributedEnvironment.isLoopback(own); rank++) {
                String other = read(keys, "address/" + rank, rank, monitor);
                if (!DistributedEnvironment.isLoopback(other)) {
                    return DistributedEnvironment.addressTowards(other);
                }
            }
            return own;
        }
    }

    /** Of this attempt, in the scope in which this is called. */
    private Store keys() {
        return new PrefixStore(path(environment, ""), store.clone());
    }

    /** The whole key, of that in {@link #keys}. */
    static String path(DistributedEnvironment environment, String key) {
        String prefix = "mnist-libtorch/" + environment.attempt();
        return key.isEmpty() ? prefix : prefix + "/" + key;
    }

    private List<String> differences(Store keys, RankMonitor monitor) {
        Set<Integer> ranks = new LinkedHashSet<>(Set.of(environment.rank()));
        IntStream.range(0, environment.worldSize()).forEach(ranks::add);
        Map<Integer, Map<String, String>> known = new HashMap<>();
        long[] since = {0};
        boolean complete = waitUntil(environment.timeout(), () -> {
            requireNone(keys, monitor);
            for (int rank : ranks) {
                if (!known.containsKey(rank) && has(keys, key(rank))) {
                    known.put(rank, read(keys, rank));
                }
            }
            if (since[0] == 0 && !differences(ranks, known).isEmpty()) {
                since[0] = System.nanoTime();
            }
            return known.size() == ranks.size() || since[0] != 0 && System.nanoTime() - since[0] > GRACE.toNanos();
        });
        List<String> differences = differences(ranks, known);
        if (!complete && differences.isEmpty()) {
            int missing = ranks.stream()
                    .filter(rank -> !known.containsKey(rank))
                    .findFirst()
                    .orElseThrow();
            throw notCome(missing);
        }
        return differences;
    }

    private static List<String> differences(Set<Integer> ranks, Map<Integer, Map<String, String>> known) {
        List<String> differences = new ArrayList<>();
        Map<String, String> first = known.get(0);
        for (int rank : ranks) {
            Map<String, String> other = known.get(rank);
            if (first == null || other == null) {
                continue;
            }
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

    private static void requireNone(Store keys, RankMonitor monitor) {
        String cause = monitor.cause().getNow(null);
        if (cause != null) {
            throw new DistributedException(cause, null);
        }
        requireNoneRefused(keys);
    }

    private DistributedException notCome(int rank) {
        return tooLate("rank " + rank + " of " + environment.worldSize() + " has not come to ", environment, null);
    }

    private String read(Store keys, String key, int rank, RankMonitor monitor) {
        // Asked again and again: a wait that ends without an answer makes LibTorch write to standard error.
        if (!waitUntil(environment.timeout(), () -> {
            requireNone(keys, monitor);
            return has(keys, key);
        })) {
            throw notCome(rank);
        }
        return keys.get_to_str(key);
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

    /** Key that says that a rank has gone before it has come to the monitor. */
    static String goodbye(int rank) {
        return "goodbye/" + rank;
    }
}
