package io.github.mnistlibtorch.app.parity;

import static io.github.mnistlibtorch.torch.runtime.PlainText.quoted;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.annotation.Nulls;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.app.run.Phase;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.BoundedGzipInputStream;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.PlainText;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.exc.InvalidNullException;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Traces as JSON, gzipped when the name ends in {@code .gz}. Unknown and missing fields are errors. */
public final class TraceFile {
    /** Of the JSON text. */
    private static final int MAX_CHARACTERS = 64_000_000;

    /** Numbers, texts, names and brackets; each step is one, so that as many are 1,400 epochs of the article. */
    private static final int MAX_TOKENS = 600_000;

    /** What an epoch has beside its steps, at most. */
    private static final int EPOCH_TOKENS = 50;

    /** What a trace has beside its epochs, with hundreds of parameters. */
    private static final int OTHER_TOKENS = 20_000;

    private static final int MAX_TEXT = 1_000;

    private static final int BUFFER = 1 << 16;

    /** Of a message of Jackson's, what says where in a text that it does not have. */
    private static final Pattern WHERE = Pattern.compile(" \\((start marker )?at \\[Source: ");

    private static final Pattern STATE = Pattern.compile("\\w{1,40}\\.(weight|bias)\\.[a-z_]{1,40}");

    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxDocumentLength(MAX_CHARACTERS)
                            .maxTokenCount(MAX_TOKENS)
                            .maxStringLength(MAX_TEXT)
                            .maxNameLength(MAX_TEXT)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY, MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .changeDefaultNullHandling(
                    nulls -> nulls.withContentNulls(Nulls.FAIL).withValueNulls(Nulls.FAIL))
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private static final String CONFIG = "config";
    private static final String MODEL = "model";

    /** A trace that does not say which model it is of is of this one. */
    private static final String ARTICLES = "mlp";

    private TraceFile() {}

    /**
     * Writes {@code trace}, whole or not at all.
     *
     * @throws InputException if a loss or an accuracy is NaN or infinite, or if the run has more steps than can be read
     * @throws IOException if the file cannot be written; it is then as it was before
     */
    public static void write(Path file, Trace trace) throws IOException {
        if (!trace.isFinite()) {
            throw new InputException(
                    PlainText.name(file) + " is not written: a loss of the run is NaN or infinite, and such losses"
                            + " are not compared; train with a lower learning rate, or without --trace");
        }
        if (trace.losses().length + (long) EPOCH_TOKENS * trace.epochs().size() > MAX_TOKENS - OTHER_TOKENS) {
            throw new InputException(PlainText.name(file) + " is not written: a trace of " + trace.losses().length
                    + " steps is larger than can be read; record fewer epochs");
        }
        ObjectNode root = JSON.valueToTree(trace);
        if (trace.config().model().equals(ARTICLES)) {
            ((ObjectNode) root.get(CONFIG)).remove(MODEL);
        }
        byte[] json = JSON.writeValueAsBytes(root);
        AtomicFile.write(file, out -> {
            try (OutputStream text = isGzip(file) ? new GZIPOutputStream(out) : out) {
                text.write(json);
            }
        });
    }

    /**
     * Reads a trace and checks that it is complete and consistent.
     *
     * @throws InputException if the file does not exist or is not such a trace
     * @throws IOException if the disk fails
     */
    public static Trace read(Path file) throws IOException {
        InputException.requireFile(file, "name a trace that train --trace or record_trace.py wrote");
        JsonNode root = tree(file);
        try {
            JsonNode schema = root.path("schema");
            if (!root.isObject()) {
                throw refuse(file, "it is not a JSON object");
            }
            if (schema.isInt() && schema.intValue() == 1) {
                upgrade((ObjectNode) root);
            } else if (schema.isMissingNode()) {
                throw refuse(file, "it has no schema");
            } else if (!(schema.isInt() && schema.intValue() == Trace.SCHEMA)) {
                throw refuse(file, "its schema is " + schema + ", and this program reads 1 and " + Trace.SCHEMA);
            }
            if (root.path(CONFIG) instanceof ObjectNode config && !config.has(MODEL)) {
                config.put(MODEL, ARTICLES);
            }
            Trace trace = JSON.treeToValue(root, Trace.class);
            String wrong = inconsistency(trace);
            if (wrong != null) {
                throw refuse(file, wrong);
            }
            return trace;
        } catch (UnrecognizedPropertyException e) {
            throw refuse(file, "it has the unknown field " + path(e));
        } catch (InvalidFormatException e) {
            throw refuse(file, path(e) + " is " + quoted(String.valueOf(e.getValue())) + ", which it cannot be");
        } catch (InvalidNullException e) {
            throw refuse(file, path(e) + " is null");
        } catch (JacksonException e) {
            throw refuse(
                    file,
                    e.getOriginalMessage().startsWith("Missing creator property")
                            ? "it lacks the field " + path(e)
                            : path(e) + " is not what a trace has there");
        }
    }

    private static boolean isGzip(Path file) {
        return file.toString().toLowerCase(Locale.ROOT).endsWith(".gz");
    }

    /** From the first schema, which did not say which library computed where. */
    private static void upgrade(ObjectNode root) {
        root.put("schema", Trace.SCHEMA);
        root.putObject("optimizer_state");
        if (root.path("producer") instanceof ObjectNode producer) {
            producer.put("libtorch_cpu_sha256", Trace.Producer.UNKNOWN);
            producer.put("device", Trace.Producer.UNKNOWN);
            producer.put("processor", Trace.Producer.UNKNOWN);
            producer.put("kernel_variables", Trace.Producer.UNKNOWN);
        }
    }

    /** JSON is UTF-8; Jackson would take other encodings as well, and a mark of the byte order. */
    private static JsonNode tree(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file);
                InputStream bytes = isGzip(file) ? BoundedGzipInputStream.open(in, BUFFER) : in;
                Reader text = new InputStreamReader(bytes, UTF_8.newDecoder())) {
            return JSON.readTree(text);
        } catch (JacksonIOException e) {
            throw failure(file, requireNonNull(e.getCause()));
        } catch (IOException e) {
            throw failure(file, e);
        } catch (StreamConstraintsException e) {
            throw refuse(file, "it is larger than a trace can be");
        } catch (StreamReadException e) {
            throw refuse(file, "it is not JSON (" + WHERE.split(LibTorch.firstLine(e), 2)[0] + ")");
        } catch (JacksonException e) {
            throw refuse(file, "something stands behind its end");
        }
    }

    private static IOException failure(Path file, IOException e) {
        if (e instanceof EOFException) {
            return refuse(file, "it is cut short");
        }
        if (e instanceof ZipException) {
            return refuse(file, "it is damaged gzip (" + LibTorch.firstLine(e) + ")");
        }
        return e instanceof CharacterCodingException ? refuse(file, "it is not UTF-8") : e;
    }

    /** What the types alone do not say; {@code null} if all is well. */
    private static @Nullable String inconsistency(Trace trace) {
        RunConfig config = trace.config();
        if (!MnistModels.NAMES.contains(config.model())) {
            return "its model is " + quoted(config.model()) + ", not one of " + MnistModels.NAMES;
        }
        List<String> parameters = MnistModels.parameterNames(config.model(), config.hiddenSizes());
        if (config.model().equals(ARTICLES) == config.hiddenSizes().isEmpty()) {
            return "its model and its hidden_size do not go together";
        }
        if (config.hiddenSizes().stream().anyMatch(size -> size < 1)
                || config.batchSize() < 1
                || config.valBatchSize() < 1
                || config.valSize() < 1
                || config.numWorkers() < 0) {
            return "a size in its config is too small";
        }
        if (!Set.of("float32", "float64").contains(config.dtype())) {
            return "its dtype is " + quoted(config.dtype()) + ", not float32 or float64";
        }
        if (!OptimizerFactory.NAMES.contains(config.optimizer())) {
            return "its optimizer is " + quoted(config.optimizer()) + ", not one of " + OptimizerFactory.NAMES;
        }
        if (config.schedule().isEmpty() || config.schedule().stream().anyMatch(TraceFile::isImpossible)) {
            return "its schedule is not a list of epochs with a learning rate each";
        }
        if (!trace.initialParameters().keySet().equals(Set.copyOf(parameters))
                || !trace.finalParameters().keySet().equals(Set.copyOf(parameters))) {
            return "its parameters are not " + String.join(", ", parameters);
        }
        if (trace.initialParameters().values().stream().anyMatch(TraceFile::isIncomplete)) {
            return "a head in its initial_parameters has not " + Trace.PARAMETER_HEAD + " values";
        }
        if (trace.epochs().stream().anyMatch(epoch -> !epoch.line().matches("\\P{Cntrl}*"))) {
            return "a line in it is more than a line";
        }
        if (!trace.optimizerState().keySet().stream().allMatch(STATE.asMatchPredicate())) {
            return "its optimizer_state has a name that is not of a parameter";
        }
        Trace.Producer producer = trace.producer();
        if (!Stream.of(
                        producer.implementation(),
                        producer.torch(),
                        producer.device(),
                        producer.processor(),
                        producer.cpuCapability(),
                        producer.blas(),
                        producer.kernelVariables())
                .allMatch(text -> text.matches("\\P{Cntrl}{0,300}"))) {
            return "a text of its producer is more than a line";
        }
        if (trace.epochs().size() != config.epochs()) {
            return "it has " + trace.epochs().size() + " epochs, but its schedule has " + config.epochs();
        }
        Iterator<Trace.Epoch> epochs = trace.epochs().iterator();
        for (Phase phase : config.schedule()) {
            for (int i = 0; i < phase.epochs(); i++) {
                Trace.Epoch epoch = epochs.next();
                if (epoch.epoch() != i || epoch.lr() != phase.lr()) {
                    return "its epochs do not follow its schedule";
                }
            }
        }
        int steps = trace.epochs().get(0).trainLosses().size();
        if (steps == 0
                || trace.epochs().stream().anyMatch(epoch -> epoch.trainLosses().size() != steps)) {
            return "its epochs have different numbers of train_losses";
        }
        return hashes(trace).allMatch(SHA256.asMatchPredicate()) ? null : "a sha256 in it is not 64 hexadecimal digits";
    }

    private static boolean isIncomplete(Trace.InitialParameter parameter) {
        double numel = parameter.shape().stream().mapToDouble(Long::doubleValue).reduce(1, (a, b) -> a * b);
        return parameter.head().size() != Math.min(Trace.PARAMETER_HEAD, numel);
    }

    private static boolean isImpossible(Phase phase) {
        return phase.epochs() < 1 || !(phase.lr() >= 0 && Double.isFinite(phase.lr()));
    }

    private static Stream<String> hashes(Trace trace) {
        return Stream.of(
                        trace.epochs().stream().map(Trace.Epoch::batchOrderSha256),
                        Stream.of(trace.split().trainSha256(), trace.split().valSha256()),
                        Stream.of(trace.initialParameters(), trace.finalParameters(), trace.optimizerState())
                                .flatMap(parameters -> parameters.values().stream())
                                .map(Trace.Parameter::sha256),
                        Stream.of(trace.producer().libTorchCpuSha256())
                                .filter(hash -> !hash.equals(Trace.Producer.UNKNOWN)))
                .flatMap(hashes -> hashes);
    }

    /** For example {@code epochs[3].train_losses[7]}. */
    private static String path(JacksonException e) {
        return e.getPath().stream()
                .map(step ->
                        step.getPropertyName() == null ? "[" + step.getIndex() + "]" : "." + step.getPropertyName())
                .collect(Collectors.joining())
                .replaceFirst("^\\.", "");
    }

    private static InputException refuse(Path file, String reason) {
        return new InputException(PlainText.name(file) + " is not a usable trace: "
                + reason.replaceAll("\\p{Cntrl}", "?") + "; record it again with train --trace or record_trace.py");
    }
}
