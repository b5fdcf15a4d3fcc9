package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.run.RunConfig;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** The options of {@link RunConfig}: named, checked and written as it has them. */
final class ConfigOptions {
    private ConfigOptions() {}

    /** Adds an option that is checked while the command line is read. */
    static void add(CommandSpec command, String name, String label, @Nullable String defaultValue, String description) {
        ITypeConverter<String> converter = text -> Converters.valid(() -> RunConfig.canonical(name, text));
        command.addOption(option(name, label, defaultValue, description)
                .type(String.class)
                .converters(converter)
                .build());
    }

    /** Adds an option that takes any number of values. */
    static void addList(CommandSpec command, String name, String label, String defaultValue, String description) {
        command.addOption(option(name, label, defaultValue, description)
                .type(List.class)
                .auxiliaryTypes(String.class)
                .arity("1..*")
                .build());
    }

    private static OptionSpec.Builder option(
            String name, String label, @Nullable String defaultValue, String description) {
        return OptionSpec.builder("--" + name)
                .paramLabel(label)
                .defaultValue(defaultValue)
                .description(description + (defaultValue == null ? "" : " Default: ${DEFAULT-VALUE}."));
    }

    /** The value of an option, {@code null} if it is left out and has no default. */
    static @Nullable String value(CommandSpec command, String name) {
        return command.findOption("--" + name).getValue();
    }

    /** Converted here: of a value that cannot be, picocli would say no more than that the option does not take it. */
    static List<String> values(CommandSpec command, String name) {
        List<String> texts = command.findOption("--" + name).getValue();
        List<String> values = new ArrayList<>();
        for (String text : texts) {
            try {
                values.add(RunConfig.canonical(name, text));
            } catch (IllegalArgumentException e) {
                throw new ParameterException(
                        command.commandLine(),
                        "Invalid value for option '--" + name + "': " + e.getMessage() + severalAre("--" + name, text),
                        e);
            }
        }
        return values.stream().distinct().toList();
    }

    /** Where one value has no commas, a person who types them means several. */
    private static String severalAre(String option, String text) {
        return text.contains(",") ? "; several have spaces between them: " + option + " " + text.replace(',', ' ') : "";
    }
}
