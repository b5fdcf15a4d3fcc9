package io.github.mnistlibtorch.app.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** {@code docs/cli.md} has each command and option, and none that is not there. */
class CommandPageTest {
    private static final Path PAGE = Path.of("docs/cli.md");

    private final Map<String, CommandLine> commands =
            CommandLineInterface.commandLine().getSubcommands();

    @Test
    void thePageHasEveryOption() throws IOException {
        assertThat(onThePage()).containsAll(options());
    }

    @Test
    void thePageHasNoOtherOption() throws IOException {
        assertThat(options()).containsAll(onThePage());
    }

    @Test
    void thePageHasEveryCommand() throws IOException {
        String page = Files.readString(PAGE, UTF_8);
        assertThat(commands.keySet())
                .filteredOn(name -> !name.equals("help"))
                .allSatisfy(name -> assertThat(page).contains(name));
    }

    @Test
    void thePageHasTheDefaultsOfTrain() throws IOException {
        String page = Files.readString(PAGE, UTF_8);
        String train = page.substring(page.indexOf("## train"), page.indexOf("## sweep"));
        CommandLine.Model.CommandSpec spec =
                requireNonNull(commands.get("train")).getCommandSpec();
        for (String name : Set.of("--schedule", "--hidden-size", "--batch-size", "--seed", "--out", "--num-workers")) {
            String row = train.lines()
                    .filter(line -> line.startsWith("| `" + name + " "))
                    .findFirst()
                    .orElseThrow();
            String description = String.join(" ", spec.findOption(name).description());
            String value = description
                    .replaceFirst("(?s).*Default: ", "")
                    .replace(
                            "${DEFAULT-VALUE}",
                            String.valueOf(spec.findOption(name).defaultValue()))
                    .replaceFirst("\\.$", "");
            assertThat(row.replace("`", "")).as(name).endsWith("| " + value + " |");
        }
    }

    private static Set<String> onThePage() throws IOException {
        return Pattern.compile("--[a-z][a-z-]+")
                .matcher(Files.readString(PAGE, UTF_8))
                .results()
                .map(MatchResult::group)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private Set<String> options() {
        return commands.values().stream()
                .flatMap(command -> command.getCommandSpec().options().stream())
                .map(CommandLine.Model.OptionSpec::longestName)
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
