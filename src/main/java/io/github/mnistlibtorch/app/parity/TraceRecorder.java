package io.github.mnistlibtorch.app.parity;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.optim.OptimizerState;
import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import io.github.mnistlibtorch.torch.runtime.Sha256;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;

/** Records a run of the article as a {@link Trace}. */
public final class TraceRecorder implements RunListener {
    private final RunConfig config;
    private final Map<String, Trace.InitialParameter> initialParameters = new LinkedHashMap<>();
    private final Map<String, Trace.FinalParameter> finalParameters = new LinkedHashMap<>();
    private final List<Trace.Epoch> epochs = new ArrayList<>();
    private final List<int[]> batches = new ArrayList<>();
    private final Map<Long, Double> trainedAgain = new HashMap<>();
    private final Map<String, Trace.FinalParameter> optimizerState = new LinkedHashMap<>();
    private @Nullable ImageClassificationBase model;
    private Trace.@Nullable Producer producer;
    private Trace.@Nullable Split split;
    private Trace.@Nullable Evaluation before;
    private @Nullable Long nextInt64;

    /** @param config of the run that this will listen to */
    public TraceRecorder(RunConfig config) {
        this.config = config;
    }

    /**
     * What has been recorded.
     *
     * @throws IllegalStateException if the run has not finished
     */
    public Trace trace() {
        if (nextInt64 == null) {
            throw new IllegalStateException("the run has not finished");
        }
        return new Trace(
                Trace.SCHEMA,
                requireNonNull(producer),
                config,
                requireNonNull(split),
                initialParameters,
                requireNonNull(before),
                epochs,
                finalParameters,
                optimizerState,
                nextInt64);
    }

    @Override
    public void onSplit(Subset<LabeledImage> train, Subset<LabeledImage> val) {
        split = new Trace.Split(
                sha256(train.indices()), sha256(val.indices()), head(train.indices()), head(val.indices()));
    }

    @Override
    public void onBatchSampled(int[] positions) {
        batches.add(positions);
    }

    @Override
    public void onModelCreated(ImageClassificationBase model) {
        this.model = model;
        try (TensorScope scope = TensorScope.open()) {
            StateDict.of(model).forEach((name, parameter) -> {
                Tensor head = parameter.flatten().narrow(0, 0, Math.min(Trace.PARAMETER_HEAD, parameter.numel()));
                List<Double> values =
                        Arrays.stream(Tensors.toDoubles(head)).boxed().toList();
                initialParameters.put(name, new Trace.InitialParameter(shape(parameter), sha256(parameter), values));
            });
        }
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        EpochResult result = training.history().get(0);
        before = new Trace.Evaluation(result.valLoss(), result.valAcc());
        batches.clear(); // the article's looks at a batch, before it trains
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        int[] order = batches.stream().flatMapToInt(Arrays::stream).toArray();
        epochs.add(new Trace.Epoch(
                training.epoch(),
                training.epochLearningRate(),
                sha256(order),
                head(order),
                losses(training),
                result.valLoss(),
                result.valAcc(),
                result.line(training.epoch())));
        batches.clear();
        if (epochs.size() == config.epochs()) {
            recordOptimizer(requireNonNull(training.optimizer()));
        }
    }

    /** Those of the epoch; of steps that were trained again, the second. */
    private List<Double> losses(TrainingState training) {
        List<Double> losses = training.stepLosses();
        long first = training.totalSteps() - losses.size();
        return IntStream.range(0, losses.size())
                .mapToObj(i -> trainedAgain.getOrDefault(first + i, losses.get(i)))
                .toList();
    }

    /** While it is there: it lives as long as its call of {@code fit}. */
    private void recordOptimizer(Optimizer optimizer) {
        try (TensorScope scope = TensorScope.open()) {
            List<String> names =
                    List.copyOf(StateDict.parameters(requireNonNull(model)).keySet());
            OptimizerState.byParameter(optimizer)
                    .forEach((number, state) -> state.forEach((name, value) ->
                            optimizerState.put(names.get(Math.toIntExact(number)) + "." + name, recorded(value))));
        }
    }

    private static Trace.FinalParameter recorded(Object value) {
        return value instanceof Tensor tensor
                ? new Trace.FinalParameter(shape(tensor), sha256(tensor))
                : new Trace.FinalParameter(List.of(), sha256(Tensors.int64((Long) value)));
    }

    @Override
    public void onRunEnd(ImageClassificationBase model) {
        try (TensorScope scope = TensorScope.open()) {
            StateDict.of(model)
                    .forEach((name, parameter) ->
                            finalParameters.put(name, new Trace.FinalParameter(shape(parameter), sha256(parameter))));
            try (TensorVector parameters = model.parameters()) {
                producer = producer(PythonRepr.str(parameters.get(0).device()));
            }
        }
        nextInt64 = TorchRandom.nextInt64(null);
    }

    /**
     * Steps up to the last were trained again, with the same batches.
     *
     * @param step the last, counted from 0 over the whole run
     * @param again their losses
     */
    public void trainedAgain(long step, List<Double> again) {
        for (int i = 0; i < again.size(); i++) {
            trainedAgain.put(step - again.size() + 1 + i, again.get(i));
        }
    }

    /**
     * What a run in this process is computed with.
     *
     * @param device in PyTorch's spelling
     * @throws UncheckedIOException if the library that computes cannot be read
     */
    public static Trace.Producer producer(String device) {
        Map<String, Object> facts = Environment.describe();
        try {
            return new Trace.Producer(
                    "java",
                    Environment.libTorchVersion(),
                    Sha256.hex(Environment.torchCpu()),
                    device,
                    Environment.processor(),
                    String.valueOf(facts.get("cpu_capability")),
                    Environment.blas(),
                    String.valueOf(facts.get("kernel_variables")),
                    (Integer) requireNonNull(facts.get("blas_threads")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Integer> head(int[] values) {
        return Arrays.stream(values).limit(Trace.HEAD).boxed().toList();
    }

    private static List<Long> shape(Tensor tensor) {
        return Arrays.stream(tensor.shape()).boxed().toList();
    }

    /** Over int64 little-endian. */
    private static String sha256(int[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(Arrays.stream(values).asLongStream().toArray());
        return Sha256.hex(bytes);
    }

    /** Over the values in their dtype, little-endian as LibTorch's platforms are. */
    private static String sha256(Tensor tensor) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor dense = tensor.cpu().contiguous();
            long size = dense.numel() * dense.element_size();
            return Sha256.hex(new BytePointer(dense.data_ptr()).capacity(size).asByteBuffer());
        }
    }
}
