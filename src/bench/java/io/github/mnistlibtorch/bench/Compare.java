package io.github.mnistlibtorch.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Runs programs in turns, each in a process of its own, and prints Markdown tables of their times and their memory:
 * first the medians, then the first program's share of every other's. {@code src/bench/run.sh} calls it.
 *
 * <pre>{@code Compare -- NAME ROUNDS COMMAND… [-- NAME ROUNDS COMMAND…]…}</pre>
 */
public final class Compare {
    /** A column: what of a run to show. */
    private record Measure(String title, ToDoubleFunction<ProcessRun> of) {}

    private static final List<Measure> MEASURES = List.of(
            new Measure("an epoch's training, s", ProcessRun::secondsPerEpoch),
            new Measure("an evaluation, s", ProcessRun::secondsPerEvaluation),
            new Measure("start to first line, s", ProcessRun::secondsToFirstLine),
            new Measure("whole process, s", ProcessRun::seconds),
            new Measure("processor time, s", ProcessRun::processorSeconds),
            new Measure("peak memory, MB", ProcessRun::peakMegabytes));

    /** A program and its runs, the first of them in the first round. */
    private record Program(String name, int rounds, List<String> command, List<ProcessRun> runs) {
        static Program of(List<String> words) {
            return new Program(
                    words.get(0), Integer.parseInt(words.get(1)), words.subList(2, words.size()), new ArrayList<>());
        }

        void run() throws IOException, InterruptedException {
            ProcessRun run = ProcessRun.timed(command);
            if (run.exitCode() != 0) {
                throw new IllegalStateException(name + ": " + run.failure());
            }
            runs.add(run);
        }
    }

    private Compare() {}

    /** Measures, and prints the tables on standard output and how it goes on standard error. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<Program> programs = programs(arguments);
        int rounds = programs.stream().mapToInt(Program::rounds).max().orElseThrow();
        // In turns, so that whatever else the machine does in some minute falls on all alike.
        for (int round = 0; round < rounds; round++) {
            for (Program program : programs) {
                if (round < program.rounds) {
                    program.run();
                    System.err.printf(
                            Locale.ROOT,
                            "round %d of %d: %s, %.1f s%n",
                            round + 1,
                            program.rounds,
                            program.name,
                            program.runs.get(round).seconds());
                }
            }
        }
        System.out.println("- " + results(programs));
        System.out.println();
        printTable(
                "program (rounds)", programs, program -> program.name + " (" + program.rounds + ")", Compare::values);
        System.out.println();
        Program first = programs.get(0);
        printTable(
                first.name + " ÷ …",
                programs.subList(1, programs.size()),
                Program::name,
                (program, measure) -> ratios(first, program, measure));
    }

    private static List<Program> programs(String[] arguments) {
        List<Program> programs = new ArrayList<>();
        int end = arguments.length;
        for (int i = end - 1; i >= 0; i--) {
            if (arguments[i].equals("--")) {
                programs.add(0, Program.of(Arrays.asList(arguments).subList(i + 1, end)));
                end = i;
            }
        }
        return programs;
    }

    /** Whether the programs have done the same work. */
    private static String results(List<Program> programs) {
        Set<String> results = programs.stream()
                .flatMap(program -> program.runs.stream())
                .map(ProcessRun::result)
                .collect(Collectors.toSet());
        if (results.size() == 1) {
            return "The same work: every run ends with " + results.iterator().next();
        }
        return programs.stream()
                .map(program -> program.name + " "
                        + program.runs.stream()
                                .map(ProcessRun::result)
                                .distinct()
                                .collect(Collectors.joining(" or ")))
                .collect(Collectors.joining("; ", "The runs do not all end alike: ", ""));
    }

    private interface Cells {
        double[] of(Program program, Measure measure);
    }

    private static void printTable(String corner, List<Program> programs, Function<Program, String> name, Cells cells) {
        System.out.println(
                row(Stream.concat(Stream.of(corner), MEASURES.stream().map(Measure::title))));
        System.out.println("|---" + "|--:".repeat(MEASURES.size()) + "|");
        for (Program program : programs) {
            Stream<String> values = MEASURES.stream().map(measure -> medianAndSpread(cells.of(program, measure)));
            System.out.println(row(Stream.concat(Stream.of(name.apply(program)), values)));
        }
    }

    private static String row(Stream<String> cells) {
        return cells.collect(Collectors.joining(" | ", "| ", " |"));
    }

    private static double[] values(Program program, Measure measure) {
        return program.runs.stream().mapToDouble(measure.of).toArray();
    }

    /** Of the rounds that both programs ran. */
    private static double[] ratios(Program first, Program other, Measure measure) {
        return IntStream.range(0, Math.min(first.rounds, other.rounds))
                .mapToDouble(round -> measure.of.applyAsDouble(first.runs.get(round))
                        / measure.of.applyAsDouble(other.runs.get(round)))
                .toArray();
    }

    private static String medianAndSpread(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int last = sorted.length - 1;
        double median = (sorted[last / 2] + sorted[(last + 1) / 2]) / 2;
        return last == 0
                ? decimals(median)
                : decimals(median) + " (" + decimals(sorted[0]) + "–" + decimals(sorted[last]) + ")";
    }

    /** Three digits, of which few are trustworthy. */
    static String decimals(double value) {
        int decimals = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
