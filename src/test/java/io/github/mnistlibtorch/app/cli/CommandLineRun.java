package io.github.mnistlibtorch.app.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** What a command line has come to, run in this process. Where a process of its own matters, there is {@code Program}. */
record CommandLineRun(int exitCode, List<String> out, List<String> err) {
    /** So many characters has an error at most. */
    static final int LONGEST = 300;

    /** @param folder where {@code train} writes if it writes */
    static CommandLineRun of(Path folder, String... arguments) {
        LibTorch.start();
        boolean train = arguments.length > 0
                && arguments[0].equals("train")
                && !List.of(arguments).contains("--out");
        String[] all = train
                ? Stream.concat(
                                Stream.of(arguments),
                                Stream.of("--out", folder.resolve("mnist-run").toString()))
                        .toArray(String[]::new)
                : arguments;
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(printed, true, UTF_8));
            System.setErr(new PrintStream(said, true, UTF_8));
            int exitCode = CommandLineInterface.run(all);
            return new CommandLineRun(exitCode, lines(printed), lines(said));
        } finally {
            System.setOut(out);
            System.setErr(err);
            Warnings.reset();
        }
    }

    private static List<String> lines(ByteArrayOutputStream text) {
        return text.toString(UTF_8).lines().toList();
    }

    /** Checks that the program has refused its input as it should. */
    void assertRefused(String... words) {
        assertThat(err).as("one sentence on standard error").hasSize(1);
        assertThat(err.get(0)).contains(words).startsWith("mnist-libtorch: ").hasSizeLessThanOrEqualTo(LONGEST);
        assertThat(out).as("nothing on standard output").isEmpty();
        assertThat(exitCode).isEqualTo(2);
    }
}
