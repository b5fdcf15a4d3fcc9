package io.github.mnistlibtorch.torch.distributed;

import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where the processes of a group meet: {@code env://}, as launchers say it.
 *
 * @param rank of this process, 0 … {@code worldSize} − 1
 * @param worldSize number of processes
 * @param localRank among the processes of this machine; {@code null} if the launcher does not say
 * @param masterAddr host of rank 0
 * @param masterPort on which rank 0, or the launcher, answers
 * @param launcherAnswers whether the launcher keeps the store, and rank 0 is one of its clients
 * @param attempt how often the launcher has started the group again, in the same store
 * @param interfaces of the network to connect through; none to take the one that leads to {@code masterAddr}
 * @param timeout of every wait for another process
 */
public record DistributedEnvironment(
        int rank,
        int worldSize,
        @Nullable Integer localRank,
        String masterAddr,
        int masterPort,
        boolean launcherAnswers,
        int attempt,
        List<String> interfaces,
        Duration timeout) {
    private static final List<String> CONTRACT = List.of("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT");

    private static final int MAX_PORT = 65_535;
    private static final Duration MAX_MARGIN = Duration.ofSeconds(2);
    private static final int MARGIN_PART = 5;

    /**
     * What the environment says: {@code RANK}, {@code WORLD_SIZE}, {@code MASTER_ADDR}, {@code MASTER_PORT},
     * {@code LOCAL_RANK}, {@code GLOO_SOCKET_IFNAME}, and torchrun's {@code TORCHELASTIC_USE_AGENT_STORE} and
     * {@code TORCHELASTIC_RESTART_COUNT}.
     *
     * @return {@code null} if neither a rank nor a world size is set: the process works alone
     * @throws InputException if some of it is missing or makes no sense
     */
    public static @Nullable DistributedEnvironment of(Map<String, String> environment, Duration timeout)
            throws InputException {
        if (Stream.of("RANK", "WORLD_SIZE").noneMatch(name -> isSet(environment, name))) {
            return null;
        }
        List<String> missing =
                CONTRACT.stream().filter(name -> !isSet(environment, name)).toList();
        if (!missing.isEmpty()) {
            throw new InputException("this process is to be one of several, as RANK or WORLD_SIZE is set, but "
                    + String.join(" and ", missing) + (missing.size() == 1 ? " is" : " are") + " not; set "
                    + String.join(", ", CONTRACT) + ", or none of them");
        }
        int worldSize = number(environment, "WORLD_SIZE", 1, Integer.MAX_VALUE);
        return new DistributedEnvironment(
                number(environment, "RANK", 0, worldSize - 1),
                worldSize,
                isSet(environment, "LOCAL_RANK") ? number(environment, "LOCAL_RANK", 0, worldSize - 1) : null,
                environment.getOrDefault("MASTER_ADDR", ""),
                number(environment, "MASTER_PORT", 1, MAX_PORT),
                "True".equals(environment.get("TORCHELASTIC_USE_AGENT_STORE")),
                isSet(environment, "TORCHELASTIC_RESTART_COUNT")
                        ? number(environment, "TORCHELASTIC_RESTART_COUNT", 0, Integer.MAX_VALUE)
                        : 0,
                Arrays.stream(environment.getOrDefault("GLOO_SOCKET_IFNAME", "").split(",", -1))
                        .filter(name -> !name.isBlank())
                        .toList(),
                timeout);
    }

    private static boolean isSet(Map<String, String> environment, String name) {
        return !environment.getOrDefault(name, "").isBlank();
    }

    private static int number(Map<String, String> environment, String name, int least, int most) throws InputException {
        String text = environment.getOrDefault(name, "");
        try {
            int number = Integer.parseInt(text);
            if (least <= number && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        String range = most == Integer.MAX_VALUE ? "from " + least + " on" : "from " + least + " to " + most;
        throw new InputException(name + " is '" + text + "', but must be a whole number " + range
                + (name.endsWith("RANK") ? ", as WORLD_SIZE is " + (most + 1) : "") + "; mend it in the environment");
    }

    /** Whether this process keeps the store. */
    boolean hostsStore() {
        return rank == 0 && !launcherAnswers;
    }

    /** How long the others are given to say why nothing comes from them, at the end of {@link #timeout}. */
    Duration margin() {
        Duration part = timeout.dividedBy(MARGIN_PART);
        return part.compareTo(MAX_MARGIN) < 0 ? part : MAX_MARGIN;
    }

    /** After which a rank that says nothing is taken for lost, and Gloo gives up. */
    Duration silence() {
        return timeout.minus(margin());
    }

    /**
     * Tells the ranks that have come, or come within ten seconds, that this one does not take part, and why. Before
     * {@link ProcessGroup#init}, which does so itself; LibTorch need not have started.
     */
    public void tellRefused(String reason) {
        StoreProbe.tellRefused(this, reason);
    }

    /**
     * The address under which the others reach this process: the one from which it reaches rank 0.
     *
     * @throws InputException if {@code masterAddr} does not resolve, or an interface is not there
     */
    String localAddress() throws IOException {
        for (String name : interfaces) {
            if (NetworkInterface.getByName(name) == null) {
                throw new InputException("GLOO_SOCKET_IFNAME names '" + name
                        + "', and this machine has no such network interface; name one that it has");
            }
        }
        try {
            return addressTowards(masterAddr);
        } catch (UnknownHostException e) {
            throw new InputException(
                    "MASTER_ADDR is '" + masterAddr + "', which does not resolve here; set it to the host of rank 0",
                    e);
        }
    }

    /**
     * Calls LibTorch on a thread of its own: of its waits some have no end, and some a multiple of what they are told. What it
     * makes there belongs to no scope: the caller closes it.
     *
     * @throws TimeoutException if it takes longer than {@code timeout}; the thread then goes on until the process ends
     */
    <T> T callWithTimeout(Supplier<T> call) throws TimeoutException {
        return callWithTimeout(call, new CompletableFuture<>());
    }

    /**
     * The same, until a rank is lost.
     *
     * @param cause as that of {@link RankMonitor}
     * @throws DistributedException if a rank is lost; the thread then goes on until the process ends
     */
    <T> T callWithTimeout(Supplier<T> call, CompletableFuture<String> cause) throws TimeoutException {
        CompletableFuture<T> task = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        task.complete(call.get());
                    } catch (Throwable e) { // thrown where it is waited for
                        task.completeExceptionally(e);
                    }
                },
                "c10d");
        thread.setDaemon(true);
        thread.start();
        try {
            CompletableFuture.anyOf(task, cause).get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            if (!task.isDone()) {
                throw new DistributedException(cause.join(), null);
            }
            return task.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException known ? known : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The address of this machine from which it reaches a host. */
    static String addressTowards(String host) throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            // Sends nothing, but chooses the way.
            socket.connect(new InetSocketAddress(InetAddress.getByName(host), 1));
            return socket.getLocalAddress().getHostAddress();
        }
    }

    /** Whether an address is of use on its own machine alone. */
    static boolean isLoopback(String address) throws IOException {
        return InetAddress.getByName(address).isLoopbackAddress();
    }

    @Override
    public String toString() {
        return "rank " + rank + " of " + worldSize + ", which meet at " + masterAddr + ":" + masterPort;
    }
}
