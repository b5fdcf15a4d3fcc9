package io.github.mnistlibtorch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Network namespaces, connected by a bridge: each has an address and a loopback of its own, as machines have. To make
 * them takes root and Debian's package iproute2; a test that needs them is skipped without.
 */
final class Networks implements AutoCloseable {
    private static final Pattern DROPPED = Pattern.compile("dropped (\\d+)");

    /** So that two tests at once do not meet. */
    private final String name = "mnist" + ProcessHandle.current().pid() % 10_000;

    private final List<String> namespaces = new ArrayList<>();

    Networks(int count) {
        assumeTrue(ip("netns", "add", name), "network namespaces cannot be made here");
        namespaces.add(name);
        require("netns", "exec", name, "ip", "link", "add", "hub", "type", "bridge");
        require("netns", "exec", name, "ip", "link", "set", "hub", "up");
        for (int i = 0; i < count; i++) {
            String namespace = name + "-" + i;
            require("netns", "add", namespace);
            namespaces.add(namespace);
            String plug = "plug" + i;
            require("-n", name, "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", namespace);
            require("-n", name, "link", "set", plug, "master", "hub", "up");
            require("-n", namespace, "addr", "add", address(i) + "/24", "dev", "eth0");
            require("-n", namespace, "link", "set", "eth0", "up");
            require("-n", namespace, "link", "set", "lo", "up");
        }
    }

    String address(int i) {
        return "192.168.77." + (i + 1);
    }

    /** A command, to be run in one of them. */
    List<String> in(int i, List<String> command) {
        List<String> inside = new ArrayList<>(List.of("ip", "netns", "exec", name + "-" + i));
        inside.addAll(command);
        return inside;
    }

    /** Pulls the cable of one. */
    void cut(int i) {
        require("-n", name, "link", "set", "plug" + i, "down");
    }

    /** Puts a queueing discipline of {@code tc} before what each of them sends; a test that needs it is skipped without. */
    void slowDown(String... discipline) {
        for (String namespace : namespaces.subList(1, namespaces.size())) {
            List<String> command =
                    new ArrayList<>(List.of("netns", "exec", namespace, "tc", "qdisc", "add", "dev", "eth0", "root"));
            command.addAll(List.of(discipline));
            assumeTrue(ip(command.toArray(String[]::new)), "this kernel has no queueing discipline " + discipline[0]);
        }
    }

    /** Packets that the disciplines have dropped. */
    long dropped() throws IOException {
        long dropped = 0;
        for (String namespace : namespaces.subList(1, namespaces.size())) {
            Process process = new ProcessBuilder(
                            "ip", "netns", "exec", namespace, "tc", "-s", "qdisc", "show", "dev", "eth0")
                    .start();
            Matcher matcher =
                    DROPPED.matcher(new String(process.getInputStream().readAllBytes(), UTF_8));
            while (matcher.find()) {
                dropped += Long.parseLong(matcher.group(1));
            }
        }
        return dropped;
    }

    private static void require(String... arguments) {
        if (!ip(arguments)) {
            throw new AssertionError("ip " + String.join(" ", arguments) + " has failed");
        }
    }

    private static boolean ip(String... arguments) {
        List<String> command = new ArrayList<>(List.of("ip"));
        command.addAll(List.of(arguments));
        try {
            Process process = new ProcessBuilder(command).inheritIO().start();
            return process.waitFor(30, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false; // there is no such program
        } catch (InterruptedException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }

    @Override
    public void close() {
        namespaces.forEach(namespace -> ip("netns", "del", namespace));
    }
}
