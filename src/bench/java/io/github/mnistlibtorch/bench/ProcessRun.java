package io.github.mnistlibtorch.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One run of a program in a process of its own: what it printed, how long it took, how much memory it held.
 *
 * @param seconds from its start to its end
 * @param secondsToFirstLine from its start to the first line on standard output
 * @param processorSeconds of all its threads, user and system, without its children; Linux only
 * @param peakMegabytes most resident memory of the process, without its children; Linux only
 * @param timings what it has written into the file that {@code --timings} names; nothing if it has not
 */
record ProcessRun(
        int exitCode,
        double seconds,
        double secondsToFirstLine,
        double processorSeconds,
        double peakMegabytes,
        JsonNode timings,
        List<String> out,
        List<String> err) {
    /**
     * Variables that hold OpenBLAS to kernels or sizes of a machine that somebody once had in mind. No program gets
     * them, so that each runs as it does for a user.
     */
    static final List<String> UNSET = List.of("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE");

    /** With {@code BENCH_KERNELS=avx2}, what holds every library to the kernels of a processor without AVX-512. */
    static final Map<String, String> SET = "avx2".equals(System.getenv("BENCH_KERNELS"))
            ? new TreeMap<>(Map.of(
                    "ATEN_CPU_CAPABILITY", "avx2", "MKL_ENABLE_INSTRUCTIONS", "AVX2", "OPENBLAS_CORETYPE", "Haswell"))
            : Map.of();

    private static final Pattern PEAK = Pattern.compile("VmHWM:\\s+(\\d+) kB");

    /** Often enough for a peak that only ever rises, and no load on the cores that are measured. */
    private static final int MILLISECONDS_BETWEEN_LOOKS = 20;

    /** Runs the packaged jar's {@code train} with {@code arguments} and waits for its end. */
    static ProcessRun train(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("java", "-jar", "target/mnist-libtorch.jar", "train"));
        command.addAll(List.of(arguments));
        return timed(command);
    }

    /** Runs the packaged jar's {@code info}. */
    static ProcessRun info() throws IOException, InterruptedException {
        return of(List.of("java", "-jar", "target/mnist-libtorch.jar", "info"), Path.of("/dev/null"));
    }

    /** Runs {@code command}, with the option {@code --timings}, and waits for its end. */
    static ProcessRun timed(List<String> command) throws IOException, InterruptedException {
        Path timings = Files.createTempFile("timings", ".json");
        try {
            List<String> all = new ArrayList<>(command);
            all.addAll(List.of("--timings", timings.toString()));
            return of(all, timings);
        } finally {
            Files.delete(timings);
        }
    }

    private static ProcessRun of(List<String> command, Path timings) throws IOException, InterruptedException {
        Path err = Files.createTempFile("err", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
        UNSET.forEach(builder.environment()::remove);
        builder.environment().putAll(SET);
        long start = System.nanoTime();
        Process process = builder.start();
        Reader reader = new Reader(process.inputReader(UTF_8));
        reader.start();
        Path status = Path.of("/proc", Long.toString(process.pid()), "status");
        long peak = 0;
        Duration processor = Duration.ZERO;
        do {
            peak = Math.max(peak, peakKilobytes(status));
            processor = process.info().totalCpuDuration().orElse(processor);
        } while (!process.waitFor(MILLISECONDS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS));
        double seconds = (System.nanoTime() - start) / 1e9;
        reader.join();
        List<String> said = Files.readString(err, UTF_8).lines().toList();
        Files.delete(err);
        return new ProcessRun(
                process.exitValue(),
                seconds,
                (reader.firstLine - start) / 1e9,
                processor.toNanos() / 1e9,
                peak / 1024.0,
                JsonMapper.builder().build().readTree(Files.readAllBytes(timings)),
                reader.lines,
                said);
    }

    /** Seconds of training for each epoch, as the program says; the mean over the run. */
    double secondsPerEpoch() {
        return timing("training_seconds") / timing("epochs");
    }

    /** Seconds of an evaluation, as the program says; the mean over the run. */
    double secondsPerEvaluation() {
        return timing("evaluation_seconds") / timing("evaluations");
    }

    private double timing(String name) {
        return timings.required(name).doubleValue();
    }

    /** The last line on standard output. */
    String result() {
        return last(out);
    }

    /** Why it failed, as it said in its last line; empty if it did not. */
    String failure() {
        return exitCode == 0 ? "" : "exit code " + exitCode + ", " + last(err);
    }

    private static String last(List<String> lines) {
        return lines.isEmpty() ? "" : lines.get(lines.size() - 1);
    }

    private static long peakKilobytes(Path status) {
        try {
            Matcher matcher = PEAK.matcher(Files.readString(status));
            return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
        } catch (IOException e) {
            return 0; // it has ended in between
        }
    }

    /** Takes the lines as they come, and the time of the first. */
    private static final class Reader extends Thread {
        private final BufferedReader in;
        private final List<String> lines = new ArrayList<>();
        private long firstLine = System.nanoTime();

        Reader(BufferedReader in) {
            this.in = in;
        }

        @Override
        public void run() {
            try (in) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    if (lines.isEmpty()) {
                        firstLine = System.nanoTime();
                    }
                    lines.add(line);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
