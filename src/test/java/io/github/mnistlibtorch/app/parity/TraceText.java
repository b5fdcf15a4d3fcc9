package io.github.mnistlibtorch.app.parity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** The recorded trace of seed 42 in float32 as text, to be damaged, and traces that are changed. */
public final class TraceText {
    public static final Path FILE =
            Path.of("test-data/article-seed42-float32.json.gz").toAbsolutePath();

    private TraceText() {}

    public static String read() throws IOException {
        try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(FILE))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Writes the trace with its first {@code part} replaced. */
    public static Path rewrite(Path target, String part, String replacement) throws IOException {
        String text = read();
        int at = text.indexOf(part);
        assertThat(at).isNotNegative();
        return Files.writeString(target, text.substring(0, at) + replacement + text.substring(at + part.length()));
    }

    /** A trace with other epochs. */
    public static Trace withEpochs(Trace trace, List<Trace.Epoch> epochs) {
        return new Trace(
                trace.schema(),
                trace.producer(),
                trace.config(),
                trace.split(),
                trace.initialParameters(),
                trace.before(),
                epochs,
                trace.finalParameters(),
                trace.optimizerState(),
                trace.nextInt64());
    }

    /** An epoch with another loss at a step. */
    public static Trace.Epoch withLoss(Trace.Epoch epoch, int step, double loss) {
        List<Double> losses = new ArrayList<>(epoch.trainLosses());
        losses.set(step, loss);
        return new Trace.Epoch(
                epoch.epoch(),
                epoch.lr(),
                epoch.batchOrderSha256(),
                epoch.batchOrderHead(),
                losses,
                epoch.valLoss(),
                epoch.valAcc(),
                epoch.line());
    }
}
