package io.github.mnistlibtorch.app.parity;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonFormat.Feature;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import tools.jackson.databind.annotation.JsonDeserialize;
import tools.jackson.databind.annotation.JsonSerialize;
import tools.jackson.databind.util.StdConverter;

/**
 * One run of the article, recorded so that another can be held against it. Python
 * ({@code notebooks-reference/record_trace.py}) and Java ({@link TraceRecorder}) record the same.
 *
 * <p>Every number that the run computed is a double and in the file a hex float, so that no digit is lost.
 *
 * @param schema version of the format, {@link #SCHEMA}
 * @param initialParameters as they were drawn, float32, by name
 * @param before the evaluation before training
 * @param epochs of all calls of {@code fit}, in order
 * @param finalParameters after the last step, in the dtype of the run, by name
 * @param optimizerState what the last optimizer remembers after the last step, by the name of the parameter, a dot, and that of
 *     the state; counts as int64; empty in traces of schema 1
 * @param nextInt64 what the default generator gives next: {@code torch.empty((), dtype=torch.int64).random_()}
 */
public record Trace(
        int schema,
        Producer producer,

        @JsonSerialize(converter = Config.Writer.class) @JsonDeserialize(converter = Config.Reader.class)
        RunConfig config,

        Split split,
        Map<String, InitialParameter> initialParameters,
        Evaluation before,
        List<Epoch> epochs,
        Map<String, FinalParameter> finalParameters,
        Map<String, FinalParameter> optimizerState,
        @JsonProperty("next_int64") long nextInt64) {
    /** The version of the format that this class is. */
    public static final int SCHEMA = 2;

    /** How many of a list's first values are kept beside its hash. */
    static final int HEAD = 20;

    /** How many of a parameter's first values are kept. */
    static final int PARAMETER_HEAD = 5;

    /**
     * What the run was computed with.
     *
     * @param implementation {@code python} or {@code java}
     * @param torch version, with its suffix
     * @param libTorchCpuSha256 of the library that computes, libtorch_cpu; {@link #UNKNOWN} in traces of schema 1
     * @param device in PyTorch's spelling
     * @param processor which it is, as exactly as a library may look; {@link #UNKNOWN} where the system does not say
     * @param cpuCapability the kernels that ATen chose, such as {@code AVX2}
     * @param blas library of the matrix products, with its version
     * @param kernelVariables the environment variables by which kernels were chosen by hand
     * @param threads that multiply matrices
     */
    public record Producer(
            String implementation,
            String torch,
            @JsonProperty("libtorch_cpu_sha256") String libTorchCpuSha256,
            String device,
            String processor,
            String cpuCapability,
            String blas,
            String kernelVariables,
            int threads) {
        /** What is not known is not the same as anything. */
        public static final String UNKNOWN = "unknown";

        /**
         * Whether both compute with the same library on the same machine, in the same way, so that the same program has the
         * same bits, whatever its language.
         */
        public boolean computesAs(Producer other) {
            return device.equals("cpu") // of a GPU, a trace does not say which it is, nor which libraries it used
                    && !libTorchCpuSha256.equals(UNKNOWN)
                    && !processor.equals(UNKNOWN)
                    && equals(new Producer(
                            implementation,
                            other.torch,
                            other.libTorchCpuSha256,
                            other.device,
                            other.processor,
                            other.cpuCapability,
                            other.blas,
                            other.kernelVariables,
                            other.threads));
        }
    }

    /**
     * {@link RunConfig} as the file has it.
     *
     * @param model missing in the file of an {@code mlp}
     * @param hiddenSizes units of each hidden layer; in the file a number, if there is one layer
     */
    record Config(
            String model,
            long seed,

            @JsonProperty("hidden_size")
            @JsonFormat(with = {Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY, Feature.WRITE_SINGLE_ELEM_ARRAYS_UNWRAPPED})
            List<Integer> hiddenSizes,

            int batchSize,
            int valBatchSize,
            int valSize,
            int numWorkers,
            String dtype,
            List<Phase> schedule,
            String optimizer) {
        static final class Writer extends StdConverter<RunConfig, Config> {
            @Override
            public Config convert(RunConfig run) {
                return new Config(
                        run.model(),
                        run.seed(),
                        run.hiddenSizes(),
                        run.batchSize(),
                        run.valBatchSize(),
                        run.valSize(),
                        run.numWorkers(),
                        run.dtype(),
                        run.schedule(),
                        run.optimizer());
            }
        }

        static final class Reader extends StdConverter<Config, RunConfig> {
            @Override
            public RunConfig convert(Config run) {
                return new RunConfig(
                        run.model,
                        run.hiddenSizes,
                        run.seed,
                        run.valSize,
                        run.batchSize,
                        run.valBatchSize,
                        run.dtype,
                        run.optimizer,
                        run.schedule,
                        run.numWorkers,
                        /* data= */ "",
                        /* worldSize= */ null,
                        ImageSpec.MNIST);
            }
        }
    }

    /** SHA-256 over the indices of the two parts as little-endian int64, and the first of each. */
    public record Split(
            @JsonProperty("train_sha256") String trainSha256,
            @JsonProperty("val_sha256") String valSha256,
            List<Integer> trainHead,
            List<Integer> valHead) {}

    /** SHA-256 over the little-endian values of a parameter. */
    interface Parameter {
        List<Long> shape();

        String sha256();
    }

    /** A parameter before training, with its first values. */
    public record InitialParameter(
            List<Long> shape,
            String sha256,

            @JsonSerialize(contentUsing = HexFloat.Writer.class) @JsonDeserialize(contentUsing = HexFloat.Reader.class)
            List<Double> head)
            implements Parameter {}

    /** A parameter after training. */
    public record FinalParameter(List<Long> shape, String sha256) implements Parameter {}

    /** Loss and accuracy on the validation set. */
    public record Evaluation(
            @JsonSerialize(using = HexFloat.Writer.class) @JsonDeserialize(using = HexFloat.Reader.class)
            double valLoss,

            @JsonSerialize(using = HexFloat.Writer.class) @JsonDeserialize(using = HexFloat.Reader.class)
            double valAcc) {}

    /**
     * One epoch.
     *
     * @param epoch its index in its call of {@code fit}
     * @param batchOrderSha256 over the positions in the train split as little-endian int64, in visiting order
     * @param batchOrderHead the first of these positions
     * @param trainLosses of the batches, each before its update
     * @param line what the article prints
     */
    public record Epoch(
            int epoch,
            double lr,
            @JsonProperty("batch_order_sha256") String batchOrderSha256,
            List<Integer> batchOrderHead,

            @JsonSerialize(contentUsing = HexFloat.Writer.class) @JsonDeserialize(contentUsing = HexFloat.Reader.class)
            List<Double> trainLosses,

            @JsonSerialize(using = HexFloat.Writer.class) @JsonDeserialize(using = HexFloat.Reader.class)
            double valLoss,

            @JsonSerialize(using = HexFloat.Writer.class) @JsonDeserialize(using = HexFloat.Reader.class)
            double valAcc,

            String line) {}

    /** Whether ReLU forks can be found in such a run: in float32, with plain SGD and one hidden layer. */
    public static boolean mayFork(RunConfig config) {
        return config.model().equals("mlp")
                && config.dtype().equals("float32")
                && config.optimizer().equals("sgd")
                && config.hiddenSizes().size() == 1;
    }

    /** Whether no number of the run is NaN or infinite. */
    boolean isFinite() {
        return DoubleStream.of(before.valLoss, before.valAcc).allMatch(Double::isFinite)
                && Arrays.stream(losses()).allMatch(Double::isFinite)
                && epochs.stream().allMatch(epoch -> Double.isFinite(epoch.valLoss) && Double.isFinite(epoch.valAcc));
    }

    /** The losses of all steps of the run, in order. */
    public double[] losses() {
        return epochs.stream()
                .flatMap(epoch -> epoch.trainLosses().stream())
                .mapToDouble(Double::doubleValue)
                .toArray();
    }
}
