package io.github.mnistlibtorch.tutorial.listeners;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.StateDriver;
import io.github.mnistlibtorch.tutorial.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Listeners of this package. Expected learning rates and events are from {@code record_schedules.py}, torch 2.13. */
@ExtendWith(LibTorchExtension.class)
class TrainingListenersTest {
    private static JsonNode recorded;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() throws IOException {
        recorded = JsonMapper.builder().build().readTree(Files.readString(Path.of("test-data/schedules.json")));
    }

    @Test
    void stepLRIsPythons() {
        assertThat(ratesOfEpochs(new StepLR(3, 0.1), 0.3, 10, result -> new EpochResult(1, 0)))
                .containsExactlyElementsOf(rates("step"));
    }

    /** Python's cosine and Java's may differ in the last bit. */
    @Test
    void oneCycleLRIsPythons() {
        List<Double> rates = new ArrayList<>();
        try (StateDriver training = new StateDriver(new OneCycleLR(0.7, 20))) {
            training.fitStarts(0.1);
            training.epochStarts(0);
            rates.add(training.state().learningRate());
            for (int step = 0; step < 20; step++) {
                training.step(1);
                rates.add(training.state().learningRate());
            }
            assertThatThrownBy(() -> training.step(1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("20 steps");
        }
        List<Double> expected = rates("one_cycle");
        assertThat(rates).hasSameSizeAs(expected);
        for (int i = 0; i < rates.size(); i++) {
            assertThat(rates.get(i)).as("step " + i).isCloseTo(expected.get(i), within(2 * Math.ulp(0.7)));
        }
    }

    /** The second call of {@code fit} has a cycle of its own. */
    @Test
    void oneCycleLRBeginsAgainWithEachFit() {
        try (StateDriver training = new StateDriver(new OneCycleLR(0.7, 5))) {
            for (int fit = 0; fit < 2; fit++) {
                training.fitStarts(0.1);
                assertThat(training.state().learningRate()).isCloseTo(0.7 / 25, within(1e-15));
                training.epoch(0, new EpochResult(1, 0), 1, 1, 1, 1, 1);
            }
        }
    }

    @Test
    void reduceLROnPlateauIsPythons() {
        List<Double> losses = rates("plateau_losses");
        assertThat(ratesOfEpochs(
                        new ReduceLROnPlateau(0.3, 2), 0.7, losses.size(), i -> new EpochResult(losses.get(i), 0)))
                .containsExactlyElementsOf(rates("plateau"));
    }

    @Test
    void schedulesWorkWithEveryOptimizer() {
        for (String optimizer : OptimizerFactory.NAMES) {
            try (StateDriver training = new StateDriver(new StepLR(1, 0.5))) {
                training.fitStarts(OptimizerFactory.named(optimizer), 0.25);
                training.epoch(0, new EpochResult(1, 0), 1);
                assertThat(training.state().learningRate()).as(optimizer).isEqualTo(0.125);
            }
        }
    }

    @Test
    void impossibleArgumentsAreRefused() {
        assertThatThrownBy(() -> new StepLR(0, 0.1)).hasMessage("stepSize must be at least 1, was 0");
        assertThatThrownBy(() -> new OneCycleLR(1, 0)).hasMessage("totalSteps must be at least 1, was 0");
        assertThatThrownBy(() -> new ReduceLROnPlateau(1, 1)).hasMessage("factor must be below 1, was 1.0");
        try (MnistModel model = new MnistModel(1, 1, 1)) {
            Path file = folder.resolve("none/best.pt");
            assertThatThrownBy(() -> new BestModel(model, file))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(file.getParent() + " is not a folder; make it before " + file + " is saved there");
        }
        assertThatThrownBy(() -> new EarlyStopping(0)).hasMessage("patience must be at least 1, was 0");
    }

    @Test
    void earlyStoppingWaitsAsLongAsItIsTold() {
        double[] losses = {Double.NaN, 0.5, 0.6, 0.4, 0.4, 0.41, Double.NaN, 0.1};
        int epochs = 0;
        try (StateDriver training = new StateDriver(new EarlyStopping(3))) {
            training.fitStarts(0.1);
            while (!training.state().isStopped()) {
                training.epoch(epochs, new EpochResult(losses[epochs], 0), 1);
                epochs++;
            }
        }
        assertThat(epochs).as("the fourth was the best, and three more").isEqualTo(7);
    }

    /** As Keras' does. */
    @Test
    void earlyStoppingCountsNaNAndBeginsAgainWithEachFit() {
        try (StateDriver training = new StateDriver(new EarlyStopping(2))) {
            training.state().resume(List.of(new EpochResult(0.01, 0)), List.of(), 0); // before training
            training.fitStarts(0.1);
            training.epoch(0, new EpochResult(Double.NaN, 0), 1);
            assertThat(training.state().isStopped()).isFalse();
            training.epoch(1, new EpochResult(Double.NaN, 0), 1);
            assertThat(training.state().isStopped()).isTrue();
            training.fitStarts(0.1);
            double[] losses = {0.5, 0.4, 0.45, 0.3};
            for (int epoch = 0; epoch < losses.length; epoch++) {
                training.epoch(epoch, new EpochResult(losses[epoch], 0), 1);
                assertThat(training.state().isStopped()).as("epoch " + epoch).isFalse();
            }
        }
    }

    @Test
    void bestModelIsTheOneWithTheLowestLoss() throws IOException {
        Path file = folder.resolve("best.pt");
        try (MnistModel model = new MnistModel(784, 2, 10);
                StateDriver training = new StateDriver(new BestModel(model, file))) {
            training.state().resume(List.of(new EpochResult(0.1, 0)), List.of(), 0); // before training
            training.fitStarts(0.1);
            double[] losses = {0.9, Double.NaN, 0.5, 0.7};
            for (int epoch = 0; epoch < losses.length; epoch++) {
                fill(model, epoch);
                training.epoch(epoch, new EpochResult(losses[epoch], 0), 1);
            }
            training.fitStarts(0.1);
            fill(model, 9);
            training.epoch(0, new EpochResult(0.6, 0), 1); // the best of this call, but not of all
        }
        try (var loaded = MnistModels.load(file);
                Tensor weight = loaded.parameters().get(0)) {
            assertThat(weight.max().item_double()).isEqualTo(2);
        }
    }

    private static void fill(MnistModel model, double value) {
        try (NoGradGuard noGrad = new NoGradGuard()) {
            StateDict.of(model).values().forEach(tensor -> tensor.fill_(new Scalar(value)));
        }
    }

    /** But for the first event, which says who wrote the file. */
    @Test
    void scalarsArePythonsByteForByte() throws IOException {
        byte[] expected = Files.readAllBytes(Path.of("test-data/scalars.tfevents"));
        double wallTime = 1.5e9 + 0.25;
        try (SummaryWriter writer = new SummaryWriter(folder, wallTime)) {
            writer.addScalar("train_loss", 0.25, 1, wallTime);
            writer.addScalar("val/acc", 0.9649999737739563, 300, wallTime);
            writer.addScalar("lr", 1e-7, 1L << 40, wallTime);
            writer.addScalar("zero", 0, 0, wallTime);
        }
        byte[] actual = Files.readAllBytes(onlyFile());
        assertThat(withoutFirstRecord(actual)).isEqualTo(withoutFirstRecord(expected));
    }

    private static byte[] withoutFirstRecord(byte[] file) {
        int overhead = Long.BYTES + 2 * Integer.BYTES;
        return Arrays.copyOfRange(file, overhead + file[0], file.length);
    }

    /** As TensorBoard finds it, whoever wrote there before. */
    @Test
    void everyWriterHasAFileOfItsOwn() throws IOException {
        for (int i = 0; i < 3; i++) {
            new SummaryWriter(folder, 7).close();
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).hasSize(3).allMatch(file -> file.toString().contains("tfevents"));
        }
    }

    private Path onlyFile() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.findFirst().orElseThrow();
        }
    }

    @FunctionalInterface
    private interface Results {
        EpochResult of(int epoch);
    }

    private static List<Double> ratesOfEpochs(TrainingListener schedule, double lr, int epochs, Results results) {
        List<Double> rates = new ArrayList<>();
        try (StateDriver training = new StateDriver(schedule)) {
            training.fitStarts(lr);
            rates.add(training.state().learningRate());
            for (int epoch = 0; epoch < epochs; epoch++) {
                training.epoch(epoch, results.of(epoch), 1);
                rates.add(training.state().learningRate());
            }
        }
        return rates;
    }

    private static List<Double> rates(String name) {
        return recorded.get(name)
                .valueStream()
                .map(JsonNode::asString)
                .map(text -> text.equals("nan") ? Double.valueOf(Double.NaN) : Double.valueOf(text))
                .toList();
    }
}
