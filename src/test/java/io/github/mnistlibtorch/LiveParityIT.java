package io.github.mnistlibtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.run.Checkpoint;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.serialization.InvalidFile;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.vision.MnistDownload;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.listeners.SummaryWriter;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.tools.ToolProvider;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The packaged jar against real Python, with a seed that nobody has tried before. Runs where the environment variable
 * {@code PYTHON_WITH_TORCH} names a Python with the packages of {@code notebooks-reference/requirements.txt}.
 */
@ExtendWith(LibTorchExtension.class)
@Tag("parity")
@EnabledIfEnvironmentVariable(
        named = "PYTHON_WITH_TORCH",
        matches = ".+",
        disabledReason = "PYTHON_WITH_TORCH names no Python with torch")
class LiveParityIT {
    /** A guard against a hang, not a measure. */
    private static final int MINUTES = 10;

    private static final Random RANDOM = new Random();

    @TempDir
    private static Path data;

    /** With 10,000 images to train on. */
    @TempDir
    private static Path small;

    @TempDir
    private Path folder;

    @BeforeAll
    static void unpackMnist() throws IOException {
        MnistFiles.unpack(data);
        MnistFiles.unpack(small, 12_000, 2_000);
    }

    /**
     * On Python's own library, with any optimizer, dtype, number of layers, of workers, and sizes: every number equal, bit for
     * bit. On the library of the jar, where rounding can be told from a mistake: every rung holds. Two of them train on all
     * images.
     */
    @ParameterizedTest
    @CsvSource({
        "sgd, float32, 1, true, true",
        "sgd, float32, 2, false, false",
        "sgd, float64, 1, true, false",
        "sgd, float64, 2, true, false",
        "momentum, float32, 2, false, false",
        "momentum, float64, 1, true, false",
        "adam, float32, 1, false, false",
        "adam, float64, 2, true, true",
        "adamw, float32, 2, false, false",
        "adamw, float64, 1, true, false",
        "rmsprop, float32, 1, false, false",
        "rmsprop, float64, 2, true, false"
    })
    void freshRunOfPythonIsEqualBitForBit(
            String optimizer, String dtype, int layers, boolean onBundledToo, boolean onAllImages) {
        // Fewer units or smaller batches at this learning rate do not settle, and amplify any rounding.
        String hidden = layers == 1 ? anySize() : anySize() + "," + anySize();
        boolean article = optimizer.equals("sgd") && layers == 1;
        List<String> options = new ArrayList<>(List.of("--seed", Integer.toString(RANDOM.nextInt(1_000_000))));
        options.addAll(List.of("--dtype", dtype, "--optimizer", optimizer, "--hidden-size", hidden));
        options.addAll(List.of("--batch-size", Integer.toString(64 + RANDOM.nextInt(448))));
        options.addAll(List.of("--schedule", article ? "1@0.5,1@0.1" : "1@" + learningRate(optimizer)));
        options.addAll(List.of("--num-workers", Integer.toString(RANDOM.nextInt(3))));
        options.addAll(List.of("--val-size", onAllImages ? "10000" : "2000"));
        assertBitForBit(options, onAllImages ? data : small, onBundledToo);
    }

    /** On Python's library; on the jar's, if that is asked for, within the tolerance. */
    private void assertBitForBit(List<String> options, Path images, boolean onBundledToo) {
        System.out.println("live parity with real Python: " + String.join(" ", options));
        Path trace = folder.resolve("trace.json.gz");
        List<String> record = new ArrayList<>(options);
        record.addAll(List.of("--data", images.toString(), "--out", trace.toString()));
        python("record_trace.py", record);

        Program.Result onPythons = Program.run(
                folder, Program.ON_PYTHONS_LIBRARY, "parity", trace.toString(), "--data", images.toString());
        assertThat(onPythons.out()).as(String.join("\n", onPythons.err())).endsWith("Every rung holds, bit for bit.");
        assertThat(onPythons.exitCode()).isZero();
        if (onBundledToo) {
            Program.Result onBundled = Program.run(folder, "parity", trace.toString(), "--data", images.toString());
            assertThat(onBundled.out()).endsWith("Every rung holds.");
            assertThat(onBundled.exitCode()).isZero();
        }
    }

    /** The next lesson, whose twin is in {@code record_trace.py}. */
    @ParameterizedTest
    @CsvSource({"sgd, float32, false", "adam, float64, true"})
    void convolutionalModelIsPythonsBitForBit(String optimizer, String dtype, boolean onBundledToo) {
        List<String> options =
                new ArrayList<>(List.of("--model", "cnn", "--seed", Integer.toString(RANDOM.nextInt(1_000_000))));
        options.addAll(List.of("--dtype", dtype, "--optimizer", optimizer, "--val-size", "2000"));
        options.addAll(List.of("--schedule", "1@" + learningRate(optimizer), "--num-workers", "1"));
        assertBitForBit(options, small, onBundledToo);
    }

    /**
     * A program that is none of this project's trains a network with batch normalization and dropout. Real Python trains its twin
     * to the same bits, and loads what was saved as strictly as it can.
     */
    @Test
    void aStrangersModelIsPythonsBitForBit() throws IOException {
        Path source = Path.of("src/test/resources/stranger/Stranger.java");
        assertThat(Files.readAllLines(source)).hasSizeLessThanOrEqualTo(60);
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        int compiled = ToolProvider.getSystemJavaCompiler()
                .run(null, null, errors, "-cp", Program.JAR.toString(), "-d", folder.toString(), source.toString());
        assertThat(compiled).as(errors.toString(StandardCharsets.UTF_8)).isZero();
        String seed = Integer.toString(RANDOM.nextInt(1_000_000));
        for (Map<String, String> environment : List.of(Program.ON_PYTHONS_LIBRARY, Map.<String, String>of())) {
            Program.Result trained = Program.run(
                    folder,
                    environment,
                    List.of(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            Program.JAR + File.pathSeparator + folder,
                            "stranger.Stranger",
                            "net.pt",
                            seed));
            assertThat(trained.exitCode()).as(String.join("\n", trained.err())).isZero();
            JsonNode inPython = JsonMapper.builder()
                    .build()
                    .readTree(python(
                            "stranger.py",
                            List.of(
                                    "--data",
                                    data.toString(),
                                    "--seed",
                                    seed,
                                    folder.resolve("net.pt").toString())));
            if (environment.isEmpty()) {
                JsonNode loaded = inPython.get("loaded_evaluation");
                String line = trained.out().get(2); // {'val_loss': …, 'val_acc': …}
                double loss = Double.parseDouble(line.replaceAll(".*'val_loss': ([^,]+),.*", "$1"));
                assertThat(loaded.get("val_loss").asDouble()).isCloseTo(loss, within(1e-6));
                assertThat(line)
                        .endsWith("'val_acc': "
                                + PythonRepr.repr(loaded.get("val_acc").asDouble()) + "}");
            } else {
                assertThat(inPython.get("loaded")).isEqualTo(inPython.get("trained"));
                assertThat(inPython.get("loaded").propertyNames()).contains("norm.num_batches_tracked");
                assertThat(trained.out().get(2))
                        .isEqualTo(new EpochResult(
                                        inPython.get("loaded_evaluation")
                                                .get("val_loss")
                                                .asDouble(),
                                        inPython.get("loaded_evaluation")
                                                .get("val_acc")
                                                .asDouble())
                                .toString());
            }
        }
    }

    /** The event file of {@code SummaryWriter}, read by TensorBoard itself. */
    @Test
    void tensorBoardReadsTheScalars() throws IOException {
        assumeTrue(
                python("-c", List.of("import importlib.util as u; print(bool(u.find_spec('tensorboard')))"))
                        .contains("True"),
                "the Python with torch has no tensorboard");
        try (SummaryWriter writer = new SummaryWriter(folder.resolve("runs"))) {
            for (int step = 0; step < 300; step++) {
                writer.addScalar("loss/train", 1.0 / (step + 1), step);
            }
        }
        String read = "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as A;"
                + "import sys; a = A(sys.argv[1]); a.Reload();"
                + "print([(e.step, e.value) for e in a.Scalars('loss/train')][299], len(a.Scalars('loss/train')))";
        assertThat(python("-c", List.of(read, folder.resolve("runs").toString()))
                        .strip())
                .isEqualTo("(299, " + PythonRepr.repr((float) (1.0 / 300)) + ") 300");
    }

    /** Mirrors and MD5 of each set, as torchvision has them. */
    @Test
    void setsAreFetchedFromWhereTorchvisionFetchesThem() {
        String script = "import sys; sys.path.insert(0, 'notebooks-reference'); import article, json;"
                + "from torchvision.datasets import MNIST, FashionMNIST, KMNIST, QMNIST, EMNIST;"
                + "sets = {'mnist': MNIST, 'fashion-mnist': FashionMNIST, 'kmnist': KMNIST};"
                + "all = {n: [s.mirrors[0], dict(s.resources)] for n, s in sets.items()};"
                + "q = QMNIST.resources['train'] + QMNIST.resources['test'];"
                + "all['qmnist'] = [q[0][0].rsplit('/', 1)[0] + '/', {u.rsplit('/', 1)[1]: m for u, m in q}];"
                + "e = EMNIST.url.rsplit('/', 1);"
                + "all.update({'emnist-' + s: [e[0] + '/', {e[1]: EMNIST.md5}] for s in EMNIST.splits});"
                + "print(json.dumps(all))";
        JsonNode sets = JsonMapper.builder().build().readTree(python("-c", List.of(script)));
        assertThat(MnistDownload.names()).containsExactlyInAnyOrderElementsOf(sets.propertyNames());
        for (String name : MnistDownload.names()) {
            MnistDownload download = MnistDownload.named(name);
            JsonNode checksums = sets.get(name).get(1);
            assertThat(download.mirrors().get(0))
                    .hasToString(sets.get(name).get(0).asString());
            assertThat(download.checksums().keySet()).containsExactlyInAnyOrderElementsOf(checksums.propertyNames());
            download.checksums()
                    .forEach((file, md5) -> assertThat(md5)
                            .as(name + " " + file)
                            .isEqualTo(checksums.get(file).asString()));
        }
    }

    private static String anySize() {
        return Integer.toString(16 + RANDOM.nextInt(240));
    }

    /** The trace says that the whole run is the same; so do the files. */
    @Test
    void fileOfWeightsHoldsTheSameBits() throws IOException {
        Path trace = folder.resolve("trace.json.gz");
        String seed = Integer.toString(RANDOM.nextInt(1_000_000));
        python(
                "record_trace.py",
                List.of(MnistFiles.onFew(small, "--seed", seed, "--schedule", "1@0.5", "--out", trace.toString())));
        Program.Result train = Program.run(
                folder,
                Program.ON_PYTHONS_LIBRARY,
                MnistFiles.onFew(small, "train", "--seed", seed, "--schedule", "1@0.5", "--out", "here"));
        assertThat(train.exitCode()).as(String.join("\n", train.err())).isZero();
        Path back = Files.createDirectory(folder.resolve("back"));
        JsonNode hashes = JsonMapper.builder()
                .build()
                .readTree(python(
                        "exchange_weights.py", List.of(folder.resolve("here").toString(), back.toString())));
        TraceFile.read(trace)
                .finalParameters()
                .forEach((name, parameter) ->
                        assertThat(hashes.get(name).asString()).as(name).isEqualTo(parameter.sha256()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"float32", "float64"})
    void weightsGoToPythonAndBackBitForBit(String dtype) throws IOException {
        Program.Result train =
                Program.run(folder, "train", "--schedule", "1@0.5", "--dtype", dtype, "--out", "here", "--trace", "t");
        assertThat(train.exitCode()).as(String.join("\n", train.err())).isZero();
        Path back = Files.createDirectory(folder.resolve("back"));
        String printed =
                python("exchange_weights.py", List.of(folder.resolve("here").toString(), back.toString()));

        JsonNode hashes = JsonMapper.builder().build().readTree(printed);
        Trace trace = TraceFile.read(folder.resolve("t"));
        trace.finalParameters()
                .forEach((name, parameter) ->
                        assertThat(hashes.get(name).asString()).as(name).isEqualTo(parameter.sha256()));
        List<String> evaluation = evaluate("here/model.pt");
        for (String file : new String[] {"here/model.safetensors", "back/model.pt", "back/model.safetensors"}) {
            assertThat(evaluate(file)).as(file).isEqualTo(evaluation);
        }
    }

    /** What Python makes of a checkpoint is what this program makes of it. */
    @ParameterizedTest
    @ValueSource(strings = {"sgd", "momentum", "adam", "adamw", "rmsprop"})
    void checkpointGoesOnInPython(String optimizer) throws IOException {
        String lr = learningRate(optimizer);
        String[] command = {
            "train", "--schedule", "3@" + lr, "--dtype", "float64", "--optimizer", optimizer, "--out", "o"
        };
        Program.Result train = Program.run(folder, MnistFiles.onFew(small, command));
        assertThat(train.exitCode()).as(String.join("\n", train.err())).isZero();
        String printed = python(
                "continue_checkpoint.py",
                List.of(
                        "--data",
                        small.toString(),
                        folder.resolve("o/checkpoint.previous.pt").toString()));

        List<String> lines = printed.lines().toList();
        JsonNode inPython = JsonMapper.builder().build().readTree(lines.get(lines.size() - 1));
        Path file = folder.resolve("o/checkpoint.pt");
        try (Checkpoint last = Checkpoint.read(file)) {
            EpochResult here = last.history().get(3);
            assertThat(lines.get(0)).isEqualTo(here.line(0));
            assertThat(inPython.get("val_loss").asDouble()).isCloseTo(here.valLoss(), within(1e-9));
            assertThat(inPython.get("val_acc").asDouble()).isEqualTo(here.valAcc());
        }
        assertThat(inPython.get("rng_state").asString()).isEqualTo(sha256OfRngState(file));
    }

    /** One at which a training settles. */
    private static String learningRate(String optimizer) {
        return switch (optimizer) {
            case "sgd" -> "0.1";
            case "momentum" -> "0.01";
            default -> "0.001";
        };
    }

    private static String sha256OfRngState(Path checkpoint) throws IOException {
        return PtFile.readDict(checkpoint, new InvalidFile(checkpoint, "checkpoint", ""), dict -> {
            try (Tensor state = dict.tensor("rng_state")) {
                byte[] bytes = new byte[(int) state.numel()];
                new BytePointer(state.data_ptr()).get(bytes);
                return HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
            } catch (NoSuchAlgorithmException e) {
                throw new AssertionError(e);
            }
        });
    }

    private List<String> evaluate(String model) {
        Program.Result evaluation = Program.run(folder, "evaluate", "--model", model);
        assertThat(evaluation.exitCode())
                .as(String.join("\n", evaluation.err()))
                .isZero();
        return evaluation.out();
    }

    /** Runs a script of notebooks-reference, or code after -c; its standard output. */
    private String python(String script, List<String> options) {
        List<String> command = new ArrayList<>(List.of(
                System.getenv("PYTHON_WITH_TORCH"),
                script.startsWith("-")
                        ? script
                        : Path.of("notebooks-reference", script)
                                .toAbsolutePath()
                                .toString()));
        command.addAll(options);
        try {
            Path out = folder.resolve("python.out");
            Path err = folder.resolve("python.err");
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
            builder.environment().put("TORCH_CPP_LOG_LEVEL", "ERROR"); // a line for every convolution otherwise
            Process process = builder.start();
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new AssertionError("still running after " + MINUTES + " minutes: " + command);
            }
            assertThat(process.exitValue()).as(Files.readString(err)).isZero();
            return Files.readString(out, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
