package io.github.mnistlibtorch.tutorial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.tutorial.listeners.TerminateOnNaN;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A model that knows nothing of this project but the interface: no module, no images, no classes. */
@ExtendWith(LibTorchExtension.class)
class AnyModelTest {
    /** Fits a line through y = 3x: gradient descent on a parabola ends in its lowest point. */
    private static final class Slope implements TrainableModel, AutoCloseable {
        private final Tensor slope = torch.zeros(1).set_requires_grad(true);
        private final List<String> calls = new ArrayList<>();

        @Override
        public TensorVector parameters() {
            return new TensorVector(slope);
        }

        @Override
        public void train(boolean on) {
            calls.add(on ? "train" : "eval");
        }

        @Override
        public Tensor trainingStep(Batch batch) {
            calls.add("step");
            return loss(batch);
        }

        private Tensor loss(Batch batch) {
            return slope.mul(batch.images())
                    .sub(batch.labels())
                    .pow(new Scalar(2))
                    .mean();
        }

        @Override
        public void onAfterBackward() {
            calls.add(slope.grad().defined() ? "gradient" : "none");
        }

        @Override
        public ValidationOutput validationStep(Batch batch) {
            calls.add("validate");
            return new ValidationOutput(loss(batch), torch.tensor(0f));
        }

        @Override
        public EpochResult validationEpochEnd(List<ValidationOutput> outputs) {
            return new EpochResult(outputs.get(0).valLoss().item_double(), 0);
        }

        @Override
        public void epochEnd(int epoch, EpochResult result) {
            calls.add("end " + epoch);
        }

        @Override
        public void close() {
            slope.close();
        }
    }

    private static Batch batch() {
        Tensor x = torch.arange(new Scalar(1), new Scalar(5)).to(ScalarType.Float);
        return new Batch(x, torch.tensor(3f, 6f, 9f, 12f));
    }

    @Test
    void isTrained() {
        try (Slope model = new Slope();
                Batch batch = batch()) {
            List<EpochResult> history = Training.fit(20, 0.05, model, List.of(batch), List.of(batch));
            assertThat(model.slope.item_double()).isCloseTo(3, within(1e-5));
            assertThat(history).hasSize(20);
        }
    }

    @Test
    void isAskedInTheOrderOfTheLoop() {
        try (Slope model = new Slope();
                Batch batch = batch()) {
            Training.fit(2, 0.01, model, List.of(batch, batch), List.of(batch));
            List<String> epoch = List.of("train", "step", "gradient", "step", "gradient", "eval", "validate");
            List<String> expected = new ArrayList<>(epoch);
            expected.add("end 0");
            expected.addAll(epoch);
            expected.add("end 1");
            assertThat(model.calls).isEqualTo(expected);
        }
    }

    @Test
    void listenersAreToldWhereTheTrainingStands() {
        List<String> told = new ArrayList<>();
        TrainingListener listener = new TrainingListener() {
            @Override
            public void onFitStart(TrainingState training) {
                tell("fit", training);
            }

            @Override
            public void onEpochStart(TrainingState training) {
                tell("epoch", training);
            }

            @Override
            public void onBatchEnd(TrainingState training, Tensor loss) {
                tell("batch", training);
                assertThat(loss.item_double()).isNotNegative();
            }

            @Override
            public void onEpochEnd(TrainingState training, EpochResult result) {
                tell("end", training);
                assertThat(training.history()).last().isEqualTo(result);
                assertThat(training.stepLosses()).hasSize(2);
                assertThat(training.trainLoss())
                        .isEqualTo((training.stepLosses().get(0)
                                        + training.stepLosses().get(1))
                                / 2);
            }

            private void tell(String event, TrainingState at) {
                told.add("%s %d %d %d %d %d %s"
                        .formatted(
                                event,
                                at.phase(),
                                at.epoch(),
                                at.step(),
                                at.totalSteps(),
                                at.epochsDone(),
                                at.learningRate()));
            }
        };
        TrainingState training = new TrainingState(listener);
        try (Slope model = new Slope();
                Batch batch = batch()) {
            Training.fit(1, 0.01, model, List.of(batch, batch), List.of(batch), OptimizerFactory.SGD, training);
            Training.fit(1, 0.02, model, List.of(batch, batch), List.of(batch), OptimizerFactory.SGD, training);
        }
        assertThat(told)
                .containsExactly(
                        "fit 0 0 0 0 0 0.01",
                        "epoch 0 0 0 0 0 0.01",
                        "batch 0 0 1 1 0 0.01",
                        "batch 0 0 2 2 0 0.01",
                        "end 0 0 2 2 1 0.01",
                        "fit 1 0 0 2 1 0.02",
                        "epoch 1 0 0 2 1 0.02",
                        "batch 1 0 1 3 1 0.02",
                        "batch 1 0 2 4 1 0.02",
                        "end 1 0 2 4 2 0.02");
    }

    @Test
    void aListenerMayStopAndTheNextFitGoesOn() {
        TrainingListener once = new TrainingListener() {
            @Override
            public void onEpochEnd(TrainingState training, EpochResult result) {
                training.stop();
            }
        };
        TrainingState training = new TrainingState(once);
        try (Slope model = new Slope();
                Batch batch = batch()) {
            for (int fit = 1; fit <= 2; fit++) {
                assertThat(Training.fit(9, 0.01, model, List.of(batch), List.of(batch), OptimizerFactory.SGD, training))
                        .hasSize(1);
                assertThat(training.epochsDone()).isEqualTo(fit);
            }
        }
    }

    /** What a listener throws ends the training, and no native memory stays behind. */
    @Test
    void aListenerMayThrow() {
        TrainingListener never = new TrainingListener() {
            @Override
            public void onBatchEnd(TrainingState training, Tensor loss) {
                throw new IllegalStateException("enough");
            }
        };
        try (Slope model = new Slope();
                Batch batch = batch()) {
            long before = 0;
            for (int i = 0; i < 3; i++) {
                before = i == 1 ? LeakCheck.settled() : before;
                try {
                    Training.fit(1, 0.01, model, List.of(batch), List.of(batch), OptimizerFactory.ADAM, never);
                } catch (IllegalStateException e) {
                    assertThat(e).hasMessage("enough");
                }
            }
            assertThat(LeakCheck.settled()).isEqualTo(before);
        }
    }

    /** The epoch that was ended by force is not part of the next. */
    @Test
    void lossesOfAnEpochThatDidNotEndAreForgotten() {
        List<Integer> steps = new ArrayList<>();
        TrainingListener once = new TrainingListener() {
            @Override
            public void onBatchEnd(TrainingState training, Tensor loss) {
                if (training.totalSteps() == 2) {
                    throw new IllegalStateException("enough");
                }
            }

            @Override
            public void onEpochEnd(TrainingState training, EpochResult result) {
                steps.add(training.stepLosses().size());
            }
        };
        TrainingState training = new TrainingState(once);
        try (Slope model = new Slope();
                Batch batch = batch()) {
            List<Batch> four = List.of(batch, batch, batch, batch);
            assertThatThrownBy(() -> Training.fit(1, 0.01, model, four, List.of(batch), OptimizerFactory.SGD, training))
                    .hasMessage("enough");
            Training.fit(1, 0.01, model, four, List.of(batch), OptimizerFactory.SGD, training);
        }
        assertThat(steps).containsExactly(4);
    }

    @Test
    void aStateThatHasNotBegunSaysSo() {
        TrainingState training = new TrainingState();
        assertThatThrownBy(training::learningRate)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no call of fit is going on");
        assertThatThrownBy(training::trainLoss)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no epoch is done");
    }

    /** No step, no loss that could have become NaN. */
    @Test
    void anEmptyLoaderHasNotDiverged() {
        try (Slope model = new Slope();
                Batch batch = batch()) {
            assertThat(Training.fit(
                            1, 0.1, model, List.of(), List.of(batch), OptimizerFactory.SGD, new TerminateOnNaN(true)))
                    .hasSize(1);
        }
    }

    @Test
    void labelsMayBeNumbers() {
        try (Batch batch = new Batch(torch.ones(2), torch.zeros(new long[] {2}, new TensorOptions(ScalarType.Long)));
                Slope model = new Slope()) {
            assertThat(Training.evaluate(model, List.of(batch)).valLoss()).isZero();
        }
    }
}
