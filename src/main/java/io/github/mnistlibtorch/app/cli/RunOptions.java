package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.torch.runtime.PlainText;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** What {@code train} and every run of {@code sweep} are told alike. */
final class RunOptions {
    @Option(
            names = "--num-workers",
            paramLabel = "N",
            defaultValue = "4",
            converter = Converters.OfWorkers.class,
            description = "Threads that load batches; 0 loads on the training thread. Changes no digit."
                    + " Default: ${DEFAULT-VALUE}.")
    private int numWorkers;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "1",
            converter = Converters.OfThreads.class,
            description = "Threads that multiply matrices. Default: ${DEFAULT-VALUE}, the fastest up to some hundred"
                    + " hidden units; from about a thousand on, take as many as there are cores.")
    private int threads;

    @Option(names = "--quiet", description = "Say nothing on standard error but warnings and errors.")
    private boolean quiet;

    @Spec(Target.MIXEE)
    private void addTo(CommandSpec command) {
        ConfigOptions.add(
                command,
                "val-size",
                "N",
                "10000",
                "Examples held out for validation; of fewer than 60000, a sixth if this is left out.");
        ConfigOptions.add(
                command,
                "dtype",
                "DTYPE",
                "float32",
                "float32 or float64: what to compute in. Weights are drawn in float32 either way.");
    }

    int numWorkers() {
        return numWorkers;
    }

    int threads() {
        return threads;
    }

    boolean isQuiet() {
        return quiet;
    }

    /** Tells the person at the terminal, unless they do not want to be told. */
    void say(String sentence) {
        if (!quiet) {
            System.err.println(PlainText.of(sentence));
        }
    }
}
