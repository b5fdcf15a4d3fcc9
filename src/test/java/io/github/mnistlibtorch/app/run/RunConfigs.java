package io.github.mnistlibtorch.app.run;

import java.util.List;

/** Configurations for tests. */
public final class RunConfigs {
    /** As the command line has it without options. */
    public static final RunConfig ARTICLE =
            mlp(42, List.of(32), 128, 10_000, 4, "float32", "sgd", List.of(new Phase(5, 0.5), new Phase(5, 0.1)));

    private RunConfigs() {}

    public static RunConfig mlp(
            long seed,
            List<Integer> hiddenSizes,
            int batchSize,
            int valSize,
            int numWorkers,
            String dtype,
            String optimizer,
            List<Phase> schedule) {
        return new RunConfig(
                "mlp",
                hiddenSizes,
                seed,
                valSize,
                batchSize,
                2 * batchSize,
                dtype,
                optimizer,
                schedule,
                numWorkers,
                "",
                null,
                ImageSpec.MNIST);
    }
}
