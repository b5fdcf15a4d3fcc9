package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.torch.runtime.InputException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** What the article lets its reader change, with the article's values. */
@Command
final class ArticleOptions {
    private CommandSpec command = CommandSpec.create();

    @Spec(Target.MIXEE)
    private void addTo(CommandSpec mixee) {
        command = mixee;
        add("schedule", "EPOCHS@LR,…", "5@0.5,5@0.1", "Calls of fit: epochs and learning rate of each.");
        add(
                "model",
                "NAME",
                "mlp",
                "mlp, the article's network with a hidden layer or more, or cnn, a convolutional one.");
        add("hidden-size", "N[,N…]", "32", "Units of the hidden layer; 64,32 are two layers.");
        add(
                "batch-size",
                "N",
                "128",
                "Examples in a training batch (of each rank, if there are several); validation takes twice as many.");
        add("seed", "N", "42", "Decides the split, the weights and the order of the batches.");
        add("optimizer", "NAME", "sgd", "sgd, momentum (sgd with 0.9), adam, adamw or rmsprop.");
    }

    private void add(String name, String label, String defaultValue, String description) {
        ConfigOptions.add(command, name, label, defaultValue, description);
    }

    /**
     * The configuration that the command line asks for: what is given, over what an earlier run had, over the defaults.
     *
     * @param saved that of the earlier run, {@code null} if there is none
     * @throws InputException if the options contradict each other
     */
    RunConfig config(@Nullable RunConfig saved, RunOptions runOptions) throws InputException {
        Map<String, String> options = new LinkedHashMap<>();
        for (String name : RunConfig.OPTIONS) {
            options.put(name, ConfigOptions.value(command, name));
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
