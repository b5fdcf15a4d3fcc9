package io.github.mnistlibtorch.app.cli;

import picocli.CommandLine.Option;

/** What {@code train} and every run of {@code sweep} are told alike. */
final class RunOptions {
    @Option(
            names = "--val-size",
            paramLabel = "N",
            defaultValue = "10000",
            converter = Converters.OfSize.class,
            description = "Examples held out for validation. Default: ${DEFAULT-VALUE}.")
    private int valSize;

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

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            defaultValue = "float32",
            converter = Converters.OfDtype.class,
            description = "float32 or float64: what to compute in. Weights are drawn in float32 either way."
                    + " Default: ${DEFAULT-VALUE}.")
    private String dtype = "";

    @Option(names = "--quiet", description = "Say nothing on standard error but warnings and errors.")
    private boolean quiet;

    int valSize() {
        return valSize;
    }

    String dtype() {
        return dtype;
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
            System.err.println(sentence);
        }
    }
}
