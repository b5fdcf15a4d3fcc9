package io.github.mnistlibtorch.app.report;

import io.github.mnistlibtorch.app.run.Sweep;
import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.tutorial.History;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The runs of a sweep as one page for a browser: their comparison, how each learned, and which was the best. */
public final class SweepReport {
    private SweepReport() {}

    /**
     * Writes the page.
     *
     * @param html replaced or created, whole or not at all; its folder must exist
     * @param sweep of which at least one run is done
     * @param weights name of the file with the best weights
     * @param command that trains the best again; empty if no run came to its end
     * @throws IOException if the file cannot be written
     */
    public static void write(Path html, Sweep sweep, String weights, String command) throws IOException {
        List<Sweep.Run> runs = sweep.runs();
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("planned", sweep.grid().size());
        data.put("libtorch", Environment.libTorchVersion());
        data.put("blas", Environment.blas());
        data.put("compared", sweep.comparedButTheSeed());
        data.put("rows", rows(sweep));
        data.put("runs", runs.stream().map(SweepReport::run).toList());
        Sweep.Run best = sweep.best();
        data.put("best", best == null ? -1 : runs.indexOf(best));
        data.put("weights", weights);
        data.put("command", command);
        Page.write(html, "sweep", data);
    }

    /** As in the picture, the best first. */
    private static List<Map<String, Object>> rows(Sweep sweep) {
        List<Sweep.Run> runs = sweep.runs();
        Map<SweepPlot.Row, List<Sweep.Run>> rows = new LinkedHashMap<>();
        sweep.rows().forEach((values, own) -> rows.put(SweepPlot.Row.of(values, own), own));
        List<Map<String, Object>> all = new ArrayList<>();
        rows.keySet().stream().sorted(Comparator.naturalOrder()).forEach(row -> {
            Map<String, Object> data = new LinkedHashMap<>();
            data.put("values", row.values());
            data.put("accuracies", row.accuracies());
            data.put("accuracy", row.accuracy());
            data.put("trouble", row.trouble());
            List<Sweep.Run> own = rows.getOrDefault(row, List.of());
            data.put(
                    "runs",
                    IntStream.range(0, runs.size())
                            .filter(i -> own.contains(runs.get(i)))
                            .boxed()
                            .toList());
            all.add(data);
        });
        return all;
    }

    private static Map<String, Object> run(Sweep.Run run) {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("options", run.options());
        data.put("seconds", run.seconds());
        data.put("failed", run.failed());
        data.put("valLoss", History.valLosses(run.history()));
        data.put("valAcc", History.valAccs(run.history()));
        data.put("trainLoss", run.trainLosses());
        return data;
    }
}
