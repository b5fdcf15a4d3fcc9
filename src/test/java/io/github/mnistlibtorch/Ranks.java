package io.github.mnistlibtorch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Processes that train together, told so as a launcher would; each works in a folder of its own. */
final class Ranks implements AutoCloseable {
    /** A guard against a hang, not a measure. */
    private static final int MINUTES = 5;

    private final Path folder;
    private final int worldSize;
    private final Map<String, String> environment = new HashMap<>();
    private final Map<Integer, Process> processes = new HashMap<>();

    Ranks(Path folder, int worldSize) {
        this.folder = folder;
        this.worldSize = worldSize;
        environment.put("WORLD_SIZE", Integer.toString(worldSize));
        environment.put("MASTER_ADDR", "127.0.0.1");
        environment.put("MASTER_PORT", Integer.toString(freePort()));
    }

    /** The jar as {@code worldSize} ranks, to their end. */
    static List<Program.Result> run(Path folder, int worldSize, String... arguments) {
        try (Ranks ranks = new Ranks(folder, worldSize)) {
            for (int rank = 0; rank < worldSize; rank++) {
                ranks.start(rank, arguments);
            }
            return ranks.results();
        }
    }

    static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Says something else, or something more, in the environment of those to come. */
    Ranks with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    Process start(int rank, String... arguments) {
        return start(rank, Program.command(List.of(), arguments));
    }

    Process start(int rank, List<String> command) {
        try {
            Path own = Files.createDirectories(folder(rank));
            ProcessBuilder builder = Program.builder(command)
                    .directory(own.toFile())
                    .redirectOutput(folder.resolve("out" + rank).toFile())
                    .redirectError(folder.resolve("err" + rank).toFile());
            builder.environment().put("RANK", Integer.toString(rank));
            builder.environment().put("LOCAL_RANK", Integer.toString(rank));
            builder.environment().putAll(environment);
            Process process = builder.start();
            processes.put(rank, process);
            return process;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where a rank works. */
    Path folder(int rank) {
        return folder.resolve("rank" + rank);
    }

    List<Program.Result> results() {
        List<Program.Result> results = new ArrayList<>();
        for (int rank = 0; rank < worldSize; rank++) {
            results.add(result(rank));
        }
        return results;
    }

    /** What has become of a rank; waits for its end. */
    Program.Result result(int rank) {
        Process process = processes.get(rank);
        if (process == null) {
            throw new IllegalStateException("rank " + rank + " has not been started");
        }
        try {
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                throw new AssertionError("rank " + rank + " still runs after " + MINUTES + " minutes");
            }
            List<String> out =
                    Files.readString(folder.resolve("out" + rank)).lines().toList();
            List<String> err =
                    Files.readString(folder.resolve("err" + rank)).lines().toList();
            return new Program.Result(process.exitValue(), out, err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        processes.values().forEach(Process::destroyForcibly);
    }
}
