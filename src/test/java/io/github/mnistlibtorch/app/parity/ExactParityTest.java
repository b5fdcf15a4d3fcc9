package io.github.mnistlibtorch.app.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunConfigs;
import io.github.mnistlibtorch.app.run.TrainingRun;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.vision.Mnist;
import io.github.mnistlibtorch.tutorial.Devices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Two runs on one library have to be equal, bit for bit. Here both are in Java; {@code LiveParityIT} has one in Python. */
@ExtendWith(LibTorchExtension.class)
class ExactParityTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private static Mnist mnist;

    private static Trace float32;

    @TempDir
    private Path folder;

    @BeforeAll
    static void record() throws IOException {
        mnist = Mnist.bundled(Mnist.Split.TRAIN);
        float32 = run("float32", 0.5);
    }

    @Test
    void sameProgramHasTheSameBits() throws IOException {
        List<CheckResult> results = TraceComparison.compare(float32, run("float32", 0.5), ForkReport.NONE);
        assertThat(results).hasSize(12).allMatch(CheckResult::passed);
        assertThat(results.get(0).detail()).contains("bit for bit");
    }

    /** Between 0.5 and the next number of the dtype, or the millionth part of what the tolerance of float64 would let pass. */
    @Tag("slow")
    @ParameterizedTest
    @CsvSource({"float32, 0.50000006", "float64, 0.500000001"})
    void learningRateThatIsAnUlpOffIsCaught(String dtype, double lr) throws IOException {
        Trace right = dtype.equals("float32") ? float32 : run(dtype, 0.5);
        assertThat(failed(TraceComparison.compare(right, run(dtype, lr), ForkReport.NONE)))
                .startsWith("step losses");
    }

    @ParameterizedTest
    @CsvSource({
        "/epochs/0/train_losses, step losses",
        "/epochs/0, validation",
        "/before, before training",
        "/initial_parameters/linear1.bias, initial parameters",
        "/final_parameters/linear2.bias, final parameters"
    })
    void oneBitFailsItsRung(String place, String result) throws IOException {
        Trace altered = altered(root -> {
            if (root.at(place) instanceof ArrayNode losses) {
                double last = HexFloat.parse(losses.get(390).asString());
                losses.set(390, JSON.getNodeFactory().stringNode(Double.toHexString(Math.nextUp((float) last))));
            } else if (root.at(place).has("val_loss")) {
                ObjectNode evaluation = (ObjectNode) root.at(place);
                double loss = HexFloat.parse(evaluation.get("val_loss").asString());
                evaluation.put("val_loss", Double.toHexString(Math.nextUp((float) loss)));
            } else {
                ((ObjectNode) root.at(place)).put("sha256", "0".repeat(64));
            }
        });
        assertThat(failed(TraceComparison.compare(float32, altered, ForkReport.NONE)))
                .containsExactly(result);
    }

    @Test
    void memoryOfTheOptimizerCounts() throws IOException {
        Trace altered = altered(root -> ((ObjectNode) root.get("optimizer_state"))
                .putObject("linear1.bias.momentum_buffer")
                .put("sha256", "0".repeat(64))
                .putArray("shape")
                .add(32));
        assertThat(failed(TraceComparison.compare(float32, altered, ForkReport.NONE)))
                .containsExactly("optimizer state");
    }

    /** Then rounding may differ, and the ladder is the one with tolerances. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "torch",
                "libtorch_cpu_sha256",
                "device",
                "processor",
                "cpu_capability",
                "blas",
                "kernel_variables",
                "threads"
            })
    void anotherLibraryOrMachineIsNotHeldToTheBit(String fact) throws IOException {
        Trace altered = altered(root -> {
            ObjectNode producer = (ObjectNode) root.get("producer");
            if (fact.equals("threads")) {
                producer.put(fact, 2);
            } else {
                producer.put(fact, fact.endsWith("sha256") ? "0".repeat(64) : "another");
            }
            ((ObjectNode) root.at("/final_parameters/linear2.bias")).put("sha256", "0".repeat(64));
        });
        assertThat(TraceComparison.compare(float32, altered, ForkReport.NONE))
                .hasSize(10)
                .allMatch(CheckResult::passed);
    }

    /** Two unknown processors are not known to be the same. */
    @ParameterizedTest
    @ValueSource(strings = {"processor", "libtorch_cpu_sha256"})
    void unknownIsNotTheSame(String fact) throws IOException {
        Trace one = altered(root -> ((ObjectNode) root.get("producer")).put(fact, "unknown"));
        assertThat(TraceComparison.compare(one, one, ForkReport.NONE)).hasSize(10);
    }

    /** Of a GPU, a trace does not say which it is. */
    @Test
    void gpusAreNotHeldToTheBit() throws IOException {
        Trace one = altered(root -> ((ObjectNode) root.get("producer")).put("device", "cuda:0"));
        assertThat(TraceComparison.compare(one, one, ForkReport.NONE)).hasSize(10);
    }

    @Test
    void textsThatCouldReachTheTerminalAreRefused() {
        assertThatExceptionOfType(InputException.class)
                .isThrownBy(() -> altered(root -> ((ObjectNode) root.get("producer")).put("blas", "mkl\u001b[31m")))
                .withMessageContaining("producer");
        assertThatExceptionOfType(InputException.class)
                .isThrownBy(() -> altered(root -> ((ObjectNode) root.get("optimizer_state"))
                        .putObject("linear1.bias.\u001b[31m")
                        .put("sha256", "0".repeat(64))
                        .putArray("shape")))
                .withMessageContaining("optimizer_state");
    }

    private static List<String> failed(List<CheckResult> results) {
        return results.stream()
                .filter(result -> !result.passed())
                .map(CheckResult::name)
                .toList();
    }

    private Trace altered(Consumer<ObjectNode> change) throws IOException {
        Path file = folder.resolve("altered.json");
        TraceFile.write(file, float32);
        ObjectNode root = (ObjectNode) JSON.readTree(Files.readAllBytes(file));
        change.accept(root);
        return TraceFile.read(Files.writeString(file, root.toString()));
    }

    /** An epoch that says it is trained at 0.5. */
    private static Trace run(String dtype, double lr) throws IOException {
        RunConfig config = RunConfigs.mlp(9, List.of(32), 128, 10_000, 0, dtype, "sgd", List.of(new Phase(1, 0.5)));
        TraceRecorder recorder = new TraceRecorder(config);
        try (Device cpu = Devices.of("cpu")) {
            new TrainingRun(config.with(10_000, List.of(new Phase(1, lr))), mnist, cpu)
                    .printNothing()
                    .listeners(recorder)
                    .run();
        }
        Trace recorded = recorder.trace();
        List<Trace.Epoch> epochs = recorded.epochs().stream()
                .map(epoch -> new Trace.Epoch(
                        epoch.epoch(),
                        0.5,
                        epoch.batchOrderSha256(),
                        epoch.batchOrderHead(),
                        epoch.trainLosses(),
                        epoch.valLoss(),
                        epoch.valAcc(),
                        epoch.line()))
                .toList();
        return new Trace(
                recorded.schema(),
                recorded.producer(),
                config,
                recorded.split(),
                recorded.initialParameters(),
                recorded.before(),
                epochs,
                recorded.finalParameters(),
                recorded.optimizerState(),
                recorded.nextInt64());
    }
}
