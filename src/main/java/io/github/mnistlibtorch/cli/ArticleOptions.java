package io.github.mnistlibtorch.cli;

import io.github.mnistlibtorch.cli.Converters.Hidden;
import io.github.mnistlibtorch.cli.Converters.Schedule;
import io.github.mnistlibtorch.train.Phase;
import java.util.List;
import picocli.CommandLine.Option;

/** What the article lets its reader change, with the article's values. */
final class ArticleOptions {
    @Option(
            names = "--schedule",
            paramLabel = "EPOCHS@LR,…",
            defaultValue = "5@0.5,5@0.1",
            converter = Converters.OfSchedule.class,
            description = "Calls of fit: epochs and learning rate of each. Default: ${DEFAULT-VALUE}.")
    private Schedule schedule = new Schedule(List.of());

    @Option(
            names = "--hidden-size",
            paramLabel = "N[,N…]",
            defaultValue = "32",
            converter = Converters.OfHidden.class,
            description = "Units of the hidden layer; 64,32 are two layers. Default: ${DEFAULT-VALUE}.")
    private Hidden hidden = new Hidden(List.of());

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
    private String optimizer = "sgd";

    List<Phase> schedule() {
        return schedule.phases();
    }

    List<Integer> hiddenSizes() {
        return hidden.sizes();
    }

    long seed() {
        return seed;
    }

    String optimizer() {
        return optimizer;
    }
}
