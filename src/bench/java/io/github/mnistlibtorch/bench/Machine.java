package io.github.mnistlibtorch.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** Says what the numbers below are measured on, in a Markdown list; Linux only. */
public final class Machine {
    private Machine() {}

    /** Asks the packaged jar too. On its first start that unpacks LibTorch, and what is measured afterwards does not. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        describe().forEach(line -> System.out.println("- " + line));
    }

    private static List<String> describe() throws IOException, InterruptedException {
        ProcessRun info = ProcessRun.info();
        if (info.exitCode() != 0) {
            throw new IllegalStateException("java -jar target/mnist-libtorch.jar info: " + info.failure());
        }
        Map<String, String> facts = facts(info.out(), ": ");
        List<String> lines = new ArrayList<>();
        lines.add(String.join(
                ", ",
                fact("/proc/cpuinfo", "\\s*:\\s*", "model name"),
                facts.get("processors") + " cores",
                gigabytes(fact("/proc/meminfo", ":\\s*", "MemTotal")) + " GB",
                "Linux " + System.getProperty("os.version"),
                fact("/etc/os-release", "=", "PRETTY_NAME").replace("\"", "")));
        lines.add("Java: " + facts.get("java") + ", LibTorch " + facts.get("libtorch") + ", " + facts.get("blas")
                + ", ATen's kernels " + facts.get("cpu_capability"));
        String unset = ProcessRun.UNSET.stream()
                .filter(name -> System.getenv(name) != null)
                .map(name -> name + "=" + System.getenv(name))
                .collect(Collectors.joining(" and "));
        if (!unset.isEmpty()) {
            lines.add("Unset for every program: " + unset + ", which would choose OpenBLAS's kernels by hand");
        }
        if (!ProcessRun.SET.isEmpty()) {
            lines.add("Set for every program: "
                    + ProcessRun.SET.entrySet().stream()
                            .map(Map.Entry::toString)
                            .collect(Collectors.joining(", ")));
        }
        return lines;
    }

    private static String fact(String file, String separator, String name) throws IOException {
        return Objects.requireNonNullElse(
                facts(Files.readAllLines(Path.of(file)), separator).get(name), "unknown " + name);
    }

    private static Map<String, String> facts(List<String> lines, String separator) {
        return lines.stream()
                .map(line -> line.split(separator, 2))
                .filter(parts -> parts.length == 2)
                .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1], (first, later) -> first));
    }

    private static long gigabytes(String kilobytes) {
        return Math.round(Double.parseDouble(kilobytes.split(" ", 2)[0]) / (1 << 20));
    }
}
