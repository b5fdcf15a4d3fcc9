package io.github.mnistlibtorch.tutorial;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The article's {@code history}, as a file. */
public final class History {
    private History() {}

    /** {@code [x['val_loss'] for x in history]}. */
    public static List<Double> valLosses(List<EpochResult> history) {
        return history.stream().map(EpochResult::valLoss).toList();
    }

    /** {@code [x['val_acc'] for x in history]}. */
    public static List<Double> valAccs(List<EpochResult> history) {
        return history.stream().map(EpochResult::valAcc).toList();
    }

    /**
     * Writes the list that {@code json.load} reads back as the notebook's {@code history}: one object with
     * {@code val_loss} and {@code val_acc} for each evaluation, the one before training first, every digit kept.
     *
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void write(Path file, List<EpochResult> history) throws IOException {
        String json = history.stream()
                .map(result -> "  {\"val_loss\": " + number(result.valLoss()) + ", \"val_acc\": "
                        + number(result.valAcc()) + "}")
                .collect(Collectors.joining(",\n", "[\n", "\n]\n"));
        AtomicFile.write(file, out -> out.write(json.getBytes(StandardCharsets.UTF_8)));
    }

    /** As {@code json.dump} writes it: NaN and Infinity too, which JSON proper does not have. */
    private static String number(double value) {
        if (Double.isFinite(value)) {
            return PythonRepr.repr(value);
        }
        return Double.toString(value);
    }
}
