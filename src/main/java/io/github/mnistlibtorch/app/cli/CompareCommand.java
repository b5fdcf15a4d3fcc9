package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.parity.CheckResult;
import io.github.mnistlibtorch.app.parity.ForkReport;
import io.github.mnistlibtorch.app.parity.PythonArticle;
import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceComparison;
import io.github.mnistlibtorch.app.parity.TraceRecorder;
import io.github.mnistlibtorch.app.run.GracefulShutdown;
import io.github.mnistlibtorch.app.run.GracefulShutdown.InterruptedRunException;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code compare}: the article in Python and here, side by side. */
@Command(
        name = CompareCommand.NAME,
        description = {
            "Run the article in real Python and in Java on the same LibTorch, side by side, and compare every number: two"
                    + " columns, and whether all is equal, bit for bit.",
            "Python is python3, or the one that LIBTORCH_PYTHON names; it needs torch, torchvision and numpy."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch compare",
            "  LIBTORCH_PYTHON=venv/bin/python mnist-libtorch compare --seed 7 --optimizer adam --schedule 2@1e-3"
        })
final class CompareCommand implements Callable<Integer> {
    static final String NAME = "compare";

    /** Python writes a loss that is no number as NaN or Infinity. Every command makes this one, so it is loaded where it is needed. */
    private static final class Json {
        static final JsonMapper MAPPER = JsonMapper.builder()
                .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .build();
    }

    private static final String ROW = "%-15s  %-21s %-21s  %-7s %-7s  %s";

    @Mixin
    private ArticleOptions articleOptions = new ArticleOptions();

    @Mixin
    private RunOptions runOptions = new RunOptions();

    @Override
    public Integer call() throws IOException {
        LibTorch.usePython();
        LibTorch.start(runOptions::say);
        LibTorch.setNumThreads(runOptions.threads());
        Mnist mnist = Mnist.bundled(Mnist.Split.TRAIN);
        RunConfig config = articleOptions.config(null, runOptions);
        config.requireTrainingExamples(mnist.size(), "choose a smaller --val-size");
        try (PythonArticle python = PythonArticle.start(LibTorch.python(), config, runOptions.threads())) {
            EpochResult first = evaluation(python.nextLine()); // what Python lacks shows at once
            Trace here = run(mnist, config);
            System.out.println(
                    String.format(ROW, "", "val_loss", "", "val_acc", "", "").stripTrailing());
            System.out.println(String.format(ROW, "", "Python", "Java", "Python", "Java", "")
                    .stripTrailing());
            List<String> names = names(config.schedule());
            for (int i = 0; i < names.size(); i++) {
                System.out.println(
                        row(names.get(i), i == 0 ? first : evaluation(python.nextLine()), evaluation(here, i)));
            }
            if (python.nextLine() != null) {
                throw new IllegalStateException("Python prints more than there is to compare");
            }
            return judge(python.trace(), here);
        } catch (InterruptedRunException e) {
            System.err.println("mnist-libtorch: interrupted");
            return GracefulShutdown.EXIT_CODE;
        }
    }

    private static Trace run(Mnist mnist, RunConfig config) throws IOException {
        TraceRecorder recorder = new TraceRecorder(config);
        try (Device cpu = Devices.of("cpu")) {
            new TrainingRun(config, mnist, cpu)
                    .printNothing()
                    .listeners(recorder)
                    .run();
        }
        return recorder.trace();
    }

    private static List<String> names(List<Phase> schedule) {
        List<String> names = new ArrayList<>(List.of("before training"));
        for (Phase phase : schedule) {
            for (int epoch = 0; epoch < phase.epochs(); epoch++) {
                names.add("Epoch [" + epoch + "]");
            }
        }
        return names;
    }

    private static EpochResult evaluation(Trace trace, int index) {
        if (index == 0) {
            return new EpochResult(trace.before().valLoss(), trace.before().valAcc());
        }
        Trace.Epoch epoch = trace.epochs().get(index - 1);
        return new EpochResult(epoch.valLoss(), epoch.valAcc());
    }

    private static EpochResult evaluation(@Nullable String json) throws InputException {
        try {
            JsonNode result = Json.MAPPER.readTree(json == null ? "" : json);
            return new EpochResult(
                    result.get("val_loss").asDouble(), result.get("val_acc").asDouble());
        } catch (JacksonException | NullPointerException e) {
            throw new InputException(
                    "Python prints something else than its evaluations; try LIBTORCH_PYTHON with another");
        }
    }

    private static String row(String name, EpochResult python, EpochResult java) {
        return String.format(
                ROW,
                name,
                PythonRepr.repr(python.valLoss()),
                PythonRepr.repr(java.valLoss()),
                PythonRepr.fixed(python.valAcc(), 4),
                PythonRepr.fixed(java.valAcc(), 4),
                python.equals(java) ? "equal" : "DIFFERENT");
    }

    private static int judge(Trace python, Trace java) {
        List<CheckResult> results = TraceComparison.compare(python, java, ForkReport.NONE);
        System.out.println();
        results.forEach(System.out::println);
        boolean exact = TraceComparison.isExact(python, java);
        boolean equal = exact && results.stream().allMatch(CheckResult::passed);
        System.out.println("Python and Java: "
                + (equal
                        ? "equal, bit for bit."
                        : exact ? "not equal." : "not equal; the libraries are not the same."));
        return equal ? 0 : 1;
    }
}
