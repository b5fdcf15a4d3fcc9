package io.github.mnistlibtorch.torch.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The processor, told apart from others on which libraries may choose other kernels. {@code record_trace.py} describes it in
 * the same words.
 */
final class Processor {
    /** What {@link #describe} returns where the system does not say. */
    static final String UNKNOWN = "unknown";

    private Processor() {}

    /** For example {@code AMD EPYC (AuthenticAMD family 25 model 1 stepping 1, flags 0123456789abcdef)}. */
    static String describe() {
        try {
            return describe(Files.readString(Path.of("/proc/cpuinfo"), UTF_8));
        } catch (IOException e) {
            return System.getenv().getOrDefault("PROCESSOR_IDENTIFIER", UNKNOWN); // Windows
        }
    }

    /** @param cpuinfo of Linux; the first processor counts */
    static String describe(String cpuinfo) {
        Map<String, String> facts = new LinkedHashMap<>();
        for (String line : cpuinfo.split("\n\n", 2)[0].split("\n")) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                facts.put(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        }
        String flags = facts.getOrDefault("flags", facts.getOrDefault("Features", ""));
        if (flags.isEmpty()) {
            return UNKNOWN;
        }
        return facts.getOrDefault("model name", "?") + " (" + facts.getOrDefault("vendor_id", "?")
                + " family " + facts.getOrDefault("cpu family", "?")
                + " model " + facts.getOrDefault("model", "?")
                + " stepping " + facts.getOrDefault("stepping", "?")
                + ", flags " + Sha256.hex(flags.getBytes(UTF_8)).substring(0, 16) + ")";
    }
}
