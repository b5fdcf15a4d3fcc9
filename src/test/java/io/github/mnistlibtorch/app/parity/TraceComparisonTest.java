package io.github.mnistlibtorch.app.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.app.parity.ForkReport.Excursion;
import io.github.mnistlibtorch.tutorial.EpochResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Which difference fails which result, and which are none. */
class TraceComparisonTest {
    private static final String FLOAT32 = "article-seed7-float32.json.gz";
    private static final String FLOAT64 = "article-seed0-float64.json.gz";
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int STEPS_IN_EPOCH = 391;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({FLOAT32, FLOAT64, "article-seed3-adam-float64.json.gz"})
    void traceIsItself(String name) throws IOException {
        assertThat(compare(name, root -> {})).hasSize(10).allMatch(CheckResult::passed);
    }

    @ParameterizedTest
    @CsvSource({
        "/config,seed,43,configuration",
        "/config,hidden_size,33,configuration",
        "/config,batch_size,129,configuration",
        "/config,val_batch_size,257,configuration",
        "/config,val_size,9999,configuration",
        "/config,optimizer,adam,configuration",
        "/split,train_sha256,SHA,split",
        "/split,val_sha256,SHA,split",
        "/initial_parameters/linear1.weight,sha256,SHA,initial parameters",
        "/initial_parameters/linear2.bias,sha256,SHA,initial parameters",
        "/before,val_loss,0x1.3p1,before training",
        "/before,val_acc,0x1.3p-4,before training",
        "/epochs/0,batch_order_sha256,SHA,batch orders",
        "/epochs/1,batch_order_sha256,SHA,batch orders",
        "/epochs/1,val_loss,0x1.3p-1,validation",
        "/epochs/1,val_acc,0x1.ep-1,validation",
        "/epochs/0,line,Epoch [0],printed lines"
    })
    void changedFieldFailsItsRung(String object, String field, String value, String result) throws IOException {
        List<CheckResult> results = compare(FLOAT32, root -> {
            ObjectNode parent = (ObjectNode) root.at(object);
            if (parent.get(field).isNumber()) {
                parent.put(field, Integer.parseInt(value));
            } else {
                parent.put(field, value.equals("SHA") ? "0".repeat(64) : value);
            }
        });
        assertThat(failed(results)).containsExactly(result);
    }

    /** The two have their first two layers in common. */
    @Test
    void aLayerMoreIsNamed() throws IOException {
        Trace one = TraceFile.read(altered(FLOAT32, root -> {}));
        Trace two = TraceFile.read(altered(FLOAT32, root -> {
            ((ObjectNode) root.get("config")).putArray("hidden_size").add(32).add(10);
            for (String parameters : new String[] {"initial_parameters", "final_parameters"}) {
                ObjectNode layers = (ObjectNode) root.get(parameters);
                layers.set("linear3.weight", layers.get("linear2.weight"));
                layers.set("linear3.bias", layers.get("linear2.bias"));
            }
        }));
        List<String> wrong = List.of("configuration", "initial parameters", "final parameters");
        assertThat(failed(TraceComparison.compare(two, one, ForkReport.NONE))).containsExactlyElementsOf(wrong);
        List<CheckResult> results = TraceComparison.compare(one, two, ForkReport.NONE);
        assertThat(failed(results)).containsExactlyElementsOf(wrong);
        assertThat(results.get(0).detail()).isEqualTo("hidden_size is 32,10 instead of 32");
    }

    @Test
    void changedGeneratorFailsTheLastRung() throws IOException {
        assertThat(failed(compare(FLOAT32, root -> root.put("next_int64", 1L)))).containsExactly("random generator");
    }

    @Test
    void changedShapeOfAFinalParameterFailsButNotItsLastBits() throws IOException {
        List<CheckResult> bits = compare(
                FLOAT32,
                root -> ((ObjectNode) root.at("/final_parameters/linear1.bias")).put("sha256", "1".repeat(64)));
        assertThat(bits)
                .allMatch(CheckResult::passed)
                .anyMatch(result -> result.detail().endsWith("last bits not"));
        List<CheckResult> shape =
                compare(FLOAT32, root -> ((ArrayNode) root.at("/final_parameters/linear1.bias/shape")).add(1));
        assertThat(failed(shape)).containsExactly("final parameters");
    }

    @Test
    void lineMayBeRoundedToAnotherDigitIfItSaysWhatWasComputed() throws IOException {
        Consumer<ObjectNode> below = root -> boundary(root, 0.12345 - 2e-8, "0.1234");
        Consumer<ObjectNode> above = root -> boundary(root, 0.12345 + 2e-8, "0.1235");
        Trace here = TraceFile.read(altered(FLOAT32, below));
        Trace there = TraceFile.read(altered(FLOAT32, above));
        assertThat(failed(TraceComparison.compare(here, there, ForkReport.NONE)))
                .isEmpty();
        Trace wrong = TraceFile.read(altered(FLOAT32, root -> boundary(root, 0.12345 + 2e-8, "0.1236")));
        assertThat(failed(TraceComparison.compare(here, wrong, ForkReport.NONE)))
                .containsExactly("printed lines");
    }

    private static void boundary(ObjectNode root, double loss, String printed) {
        ObjectNode epoch = (ObjectNode) root.at("/epochs/1");
        String line = epoch.get("line").asString();
        epoch.put("val_loss", Double.toHexString(loss));
        epoch.put("line", line.replaceAll("val_loss: [0-9.]+", "val_loss: " + printed));
    }

    @Test
    void numberOfWorkersIsNoDifference() throws IOException {
        assertThat(compare(FLOAT32, root -> ((ObjectNode) root.get("config")).put("num_workers", 9)))
                .allMatch(CheckResult::passed);
    }

    @ParameterizedTest
    @CsvSource({FLOAT32 + ",9e-7,true", FLOAT32 + ",1.1e-6,false"})
    void float32LossesMayDifferByAMillionth(String name, double more, boolean passed) throws IOException {
        assertThat(failed(compare(name, root -> changeLoss(root, 1, 100, loss -> loss + more)))
                        .isEmpty())
                .isEqualTo(passed);
    }

    @ParameterizedTest
    @CsvSource({FLOAT64 + ",9e-10,true", FLOAT64 + ",1.1e-9,false"})
    void float64LossesMayDifferByABillionthOfThemselves(String name, double more, boolean passed) throws IOException {
        assertThat(failed(compare(name, root -> changeLoss(root, 1, 100, loss -> loss * (1 + more))))
                        .isEmpty())
                .isEqualTo(passed);
    }

    @Test
    void failedStepIsNamedByItsPlace() throws IOException {
        List<CheckResult> results = compare(FLOAT32, root -> changeLoss(root, 1, 100, loss -> loss + 1));
        assertThat(results)
                .filteredOn(result -> !result.passed())
                .singleElement()
                .satisfies(result -> {
                    assertThat(result.name()).isEqualTo("step losses");
                    assertThat(result.detail()).startsWith("step 491 (epoch 0 of fit 2, batch 100): expected 0.");
                });
    }

    @Test
    void missingStepIsADifference() throws IOException {
        assertThat(failed(compare(
                        FLOAT32,
                        root -> root.get("epochs")
                                .forEach(epoch -> ((ArrayNode) epoch.get("train_losses")).remove(0)))))
                .containsExactly("step losses");
    }

    @ParameterizedTest
    @CsvSource({
        FLOAT32 + ",AVX2,0x1p-4,false",
        FLOAT32 + ",DEFAULT,0x1p-4,false",
        FLOAT32 + ",AVX2,,false",
        FLOAT32 + ",DEFAULT,,true",
        FLOAT64 + ",DEFAULT,,false"
    })
    void weightsMayRoundOtherwiseOnlyWithoutFmaAndInFloat32(
            String name, String capability, String firstWeight, boolean passed) throws IOException {
        List<CheckResult> results = compare(name, root -> {
            ((ObjectNode) root.get("producer")).put("cpu_capability", capability);
            ObjectNode weight = (ObjectNode) root.at("/initial_parameters/linear1.weight");
            weight.put("sha256", "0".repeat(64));
            if (firstWeight != null) {
                ((ArrayNode) weight.get("head")).set(0, JSON.getNodeFactory().stringNode("0x1.0p-4"));
            }
        });
        assertThat(failed(results).isEmpty()).isEqualTo(passed);
    }

    @Test
    void evaluationWithAGateThatWasTurnedLaterMayDifferByMore() throws IOException {
        ReluFork across = new ReluFork(STEPS_IN_EPOCH - 1, 0, 0, 1e-8, 1e-6, STEPS_IN_EPOCH);
        ReluFork inside = new ReluFork(STEPS_IN_EPOCH - 2, 0, 0, 1e-8, 1e-6, STEPS_IN_EPOCH - 1);
        Consumer<ObjectNode> change = root -> {
            ObjectNode epoch = (ObjectNode) root.at("/epochs/0");
            epoch.put(
                    "val_loss",
                    Double.toHexString(HexFloat.parse(epoch.get("val_loss").asString()) + 4e-3));
            epoch.put("line", "another");
        };
        assertThat(failed(compare(FLOAT32, change, report(across)))).isEmpty();
        assertThat(failed(compare(FLOAT32, change, report(inside)))).containsExactly("validation", "printed lines");
        assertThat(failed(compare(FLOAT32, change.andThen(change), report(across))))
                .containsExactly("validation");
    }

    @Test
    void excursionAllowsWhatWasMeasuredAndNoMore() throws IOException {
        ForkReport report = new ForkReport(List.of(), List.of(new Excursion(40, 50, 3e-6)), List.of(), null);
        assertThat(failed(compare(FLOAT32, root -> changeLoss(root, 0, 45, loss -> loss + 2e-6), report)))
                .isEmpty();
        assertThat(failed(compare(FLOAT32, root -> changeLoss(root, 0, 45, loss -> loss + 4e-6), report)))
                .containsExactly("step losses");
        assertThat(failed(compare(FLOAT32, root -> changeLoss(root, 0, 51, loss -> loss + 2e-6), report)))
                .containsExactly("step losses");
    }

    @Test
    void pictureThatIsNearlyTiedMayCountEitherWay() throws IOException {
        ForkReport report = new ForkReport(
                List.of(), List.of(), List.of(new ForkReport.Tie(1, 1, 1e-7, 1e-6, 1.0 / 256 / 40 + 1e-9)), null);
        Consumer<ObjectNode> oneMore = root -> {
            ObjectNode epoch = (ObjectNode) root.at("/epochs/1");
            epoch.put(
                    "val_acc",
                    Double.toHexString(HexFloat.parse(epoch.get("val_acc").asString()) + 1.0 / 256 / 40));
            double valAcc = HexFloat.parse(epoch.get("val_acc").asString());
            double valLoss = HexFloat.parse(epoch.get("val_loss").asString());
            epoch.put("line", new EpochResult(valLoss, valAcc).line(0));
        };
        assertThat(failed(compare(FLOAT32, oneMore, report))).isEmpty();
        assertThat(failed(compare(FLOAT32, oneMore.andThen(oneMore), report))).startsWith("validation");
        assertThat(failed(compare(FLOAT32, oneMore))).startsWith("validation");
    }

    private static ForkReport report(ReluFork fork) {
        return new ForkReport(List.of(fork), List.of(), List.of(), null);
    }

    private static List<String> failed(List<CheckResult> results) {
        return results.stream()
                .filter(result -> !result.passed())
                .map(CheckResult::name)
                .toList();
    }

    private static void changeLoss(
            ObjectNode root, int epoch, int batch, java.util.function.DoubleUnaryOperator change) {
        ArrayNode losses = (ArrayNode) root.at("/epochs/" + epoch + "/train_losses");
        double loss = HexFloat.parse(losses.get(batch).asString());
        losses.set(batch, JSON.getNodeFactory().stringNode(Double.toHexString(change.applyAsDouble(loss))));
    }

    private List<CheckResult> compare(String name, Consumer<ObjectNode> change) throws IOException {
        return compare(name, change, ForkReport.NONE);
    }

    /** The trace against itself with a change. */
    private List<CheckResult> compare(String name, Consumer<ObjectNode> change, ForkReport report) throws IOException {
        Trace expected = TraceFile.read(Path.of("test-data", name));
        return TraceComparison.compare(expected, TraceFile.read(altered(name, change)), report);
    }

    private Path altered(String name, Consumer<ObjectNode> change) throws IOException {
        JsonNode root;
        try (GZIPInputStream in = new GZIPInputStream(Files.newInputStream(Path.of("test-data", name)))) {
            root = JSON.readTree(in.readAllBytes());
        }
        change.accept((ObjectNode) root);
        return Files.writeString(folder.resolve("altered.json"), root.toString());
    }
}
