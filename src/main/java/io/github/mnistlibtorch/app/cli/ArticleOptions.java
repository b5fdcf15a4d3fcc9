package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.torch.runtime.InputException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** What the article lets its reader change, with the article's values. */
final class ArticleOptions {
    @Spec(Target.MIXEE)
    private CommandSpec command = CommandSpec.create();

    @Option(
            names = "--schedule",
            paramLabel = "EPOCHS@LR,…",
            defaultValue = "5@0.5,5@0.1",
            converter = Converters.OfSchedule.class,
            description = "Calls of fit: epochs and learning rate of each. Default: ${DEFAULT-VALUE}.")
    private String schedule = "";

    @Option(
            names = "--model",
            paramLabel = "NAME",
            defaultValue = "mlp",
            converter = Converters.OfModel.class,
            description = "mlp, the article's network with a hidden layer or more, or cnn, a convolutional one."
                    + " Default: ${DEFAULT-VALUE}.")
    private String model = "";

    @Option(
            names = "--hidden-size",
            paramLabel = "N[,N…]",
            defaultValue = "32",
            converter = Converters.OfHidden.class,
            description = "Units of the hidden layer; 64,32 are two layers. Default: ${DEFAULT-VALUE}.")
    private String hiddenSize = "";

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "128",
            converter = Converters.OfSize.class,
            description =
                    "Examples in a training batch (of each rank, if there are several); validation takes twice as many."
                            + " Default: ${DEFAULT-VALUE}.")
    private int batchSize;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "42",
            converter = Converters.OfSeed.class,
            description = "Decides the split, the weights and the order of the batches. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            defaultValue = "sgd",
            converter = Converters.OfOptimizer.class,
            description = "sgd, momentum (sgd with 0.9), adam, adamw or rmsprop. Default: ${DEFAULT-VALUE}.")
    private String optimizer = "";

    /**
     * The configuration that the command line asks for: what is given, over what an earlier run had, over the defaults.
     *
     * @param saved that of the earlier run, {@code null} if there is none
     * @throws InputException if the options contradict each other
     */
    RunConfig config(@Nullable RunConfig saved, RunOptions runOptions) throws InputException {
        Map<String, String> options = new LinkedHashMap<>();
        for (String name : RunConfig.OPTIONS) {
            options.put(name, command.findOption("--" + name).getValue().toString());
        }
        if (saved != null) {
            Map<String, String> before = saved.options();
            before.put("model", saved.model());
            before.keySet().retainAll(options.keySet());
            before.keySet().removeIf(this::isGiven);
            options.putAll(before);
        }
        if (isGiven("hidden-size") && !"mlp".equals(options.get("model"))) {
            throw new InputException("--hidden-size is for --model mlp; leave one of them out");
        }
        return RunConfig.of(options, runOptions.numWorkers());
    }

    private boolean isGiven(String name) {
        return command.commandLine().getParseResult().hasMatchedOption("--" + name);
    }
}
