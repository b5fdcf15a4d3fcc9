package io.github.mnistlibtorch.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Trains with ever larger sizes and prints time per image and peak memory, as a Markdown table and a picture.
 * {@code src/bench/grow.sh} calls it.
 *
 * <p>One size is varied at a time, the others stay as in the article; every training is a process of its own.
 *
 * <pre>{@code Grow [images | hidden | batch | workers]}</pre>
 */
public final class Grow {
    private static final Path FOLDER = Path.of("target", "bench", "grow");

    private static final int ARTICLE_IMAGES = 60_000;
    private static final int HELD_OUT = 10_000;

    /**
     * The JVM is still compiling in the first epoch. Where there is less to train on than this, epochs are added, so that
     * it weighs about the same in all sizes.
     */
    private static final int LEAST_TRAINED = 400_000;

    /** The disk is never filled to the brim. */
    private static final long SPARE_BYTES = 1L << 30;

    private static final Parameter IMAGES = new Parameter(
            "images", "images", "--data", List.of(1), List.of(60_000, 200_000, 600_000, 2_000_000, 6_000_000));

    private static final List<Parameter> PARAMETERS = List.of(
            IMAGES,
            new Parameter(
                    "hidden", "hidden units", "--hidden-size", List.of(1, 2), List.of(32, 128, 512, 1024, 2048, 4096)),
            new Parameter("batch", "batch size", "--batch-size", List.of(1), List.of(32, 128, 512, 2048, 8192)),
            new Parameter("workers", "workers", "--num-workers", List.of(1), List.of(0, 1, 2, 4, 8)));

    /**
     * A size that is varied.
     *
     * @param name in the command line of this program
     * @param title in the table and under the axis
     * @param option of {@code train}
     * @param threads that LibTorch computes with, a curve each
     */
    record Parameter(String name, String title, String option, List<Integer> threads, List<Integer> values) {}

    /** What a training took. */
    record Result(Parameter parameter, int value, int threads, double microsecondsPerImage, double peakMegabytes) {}

    private final List<Result> results = new ArrayList<>();
    private final List<String> leftOut = new ArrayList<>();

    private Grow() {}

    /** Measures all sizes, or the one that is named; exit code 2 if there is no such. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<Parameter> parameters = PARAMETERS.stream()
                .filter(parameter -> arguments.length == 0 || parameter.name.equals(arguments[0]))
                .toList();
        if (parameters.isEmpty()) {
            System.err.println("'" + arguments[0] + "' is not one of "
                    + PARAMETERS.stream().map(Parameter::name).toList());
            System.exit(2);
        }
        String picture = arguments.length == 0 ? "grow.png" : "grow-" + arguments[0] + ".png";
        new Grow().measure(parameters, FOLDER.resolveSibling(picture));
    }

    private void measure(List<Parameter> parameters, Path picture) throws IOException, InterruptedException {
        System.out.println();
        System.out.println("| varied | value | threads | µs per image | peak MB |");
        System.out.println("|---|--:|--:|--:|--:|");
        for (Parameter parameter : parameters) {
            for (int threads : parameter.threads) {
                for (int value : parameter.values) {
                    measure(parameter, value, threads);
                }
            }
        }
        System.out.println();
        leftOut.forEach(System.out::println);
        if (!results.isEmpty()) {
            GrowPlot.write(picture, results);
            System.out.println("The picture is " + picture + ".");
        }
    }

    private void measure(Parameter parameter, int value, int threads) throws IOException, InterruptedException {
        if (parameter != IMAGES) {
            train(parameter, value, threads, ARTICLE_IMAGES, Integer.toString(value));
            return;
        }
        Path data = FOLDER.resolve(Integer.toString(value));
        Files.createDirectories(FOLDER);
        long missing =
                RawData.bytes(value) + SPARE_BYTES - Files.getFileStore(FOLDER).getUsableSpace();
        if (missing > 0) {
            leftOut.add(String.format(
                    Locale.ROOT, "Left out: %,d images, for which the disk lacks %.1f GB.", value, missing / 1e9));
            return;
        }
        RawData.write(data, value);
        train(parameter, value, threads, value, data.toString());
        RawData.delete(data);
    }

    private void train(Parameter parameter, int value, int threads, int images, String argument)
            throws IOException, InterruptedException {
        int trained = images - HELD_OUT;
        int epochs = Math.max(1, LEAST_TRAINED / trained);
        ProcessRun run = ProcessRun.train(
                parameter.option,
                argument,
                "--threads",
                Integer.toString(threads),
                "--schedule",
                epochs + "@0.1",
                "--out",
                FOLDER.resolve("run").toString());
        if (run.exitCode() != 0) {
            leftOut.add(String.format(Locale.ROOT, "Left out: %,d %s: %s.", value, parameter.title, run.failure()));
            return;
        }
        Result result =
                new Result(parameter, value, threads, run.secondsPerEpoch() / trained * 1e6, run.peakMegabytes());
        results.add(result);
        System.out.printf(
                Locale.ROOT,
                "| %s | %,d | %d | %.2f | %.0f |%n",
                parameter.title,
                value,
                threads,
                result.microsecondsPerImage(),
                result.peakMegabytes());
    }
}
