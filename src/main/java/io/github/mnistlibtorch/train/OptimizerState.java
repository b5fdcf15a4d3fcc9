package io.github.mnistlibtorch.train;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.ArchiveWriter;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.RMSprop;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/**
 * What an optimizer remembers of its steps, as {@code optimizer.state_dict()} has it.
 *
 * <p>C++ gives it out, and takes it, only as an archive of LibTorch. No such archive ever comes from a file: what is read
 * here, LibTorch has written into memory a moment before.
 *
 * <p>Every method belongs into a scope: it frees what is made on the way.
 */
final class OptimizerState {
    private static final String STATE = "state";
    private static final String GROUPS = "param_groups";
    private static final String PARAM = "params/";

    /** What an optimizer keeps for each parameter, by its class; LibTorch would take less, and fail later. */
    private static final Map<Class<? extends Optimizer>, Set<String>> KEPT = Map.of(
            SGD.class, Set.of("momentum_buffer"),
            Adam.class, Set.of("step", "exp_avg", "exp_avg_sq"),
            AdamW.class, Set.of("step", "exp_avg", "exp_avg_sq"),
            RMSprop.class, Set.of("step", "square_avg"));

    private OptimizerState() {}

    /**
     * {@code optimizer.state_dict()} of an optimizer with one group of parameters.
     *
     * @return {@code state}: for each parameter that has one, by its number, counts ({@code Long}) and tensors by name; and
     *     {@code param_groups}
     */
    static Map<String, Object> of(Optimizer optimizer) {
        Map<Long, Object> state = new LinkedHashMap<>();
        Map<String, Object> options = new LinkedHashMap<>();
        if (isStateless(optimizer)) {
            SGDOptions sgd = options(optimizer);
            options.put("lr", sgd.lr().get());
            options.put("momentum", sgd.momentum().get());
            options.put("dampening", sgd.dampening().get());
            options.put("weight_decay", sgd.weight_decay().get());
            options.put("nesterov", sgd.nesterov().get());
        } else {
            InputArchive archive = archiveOf(optimizer);
            options.putAll(values(inner(group(archive), "options")));
            List<String> ids = ids(optimizer, archive);
            InputArchive states = inner(archive, STATE);
            for (int i = 0; i < ids.size(); i++) {
                InputArchive saved = new InputArchive();
                if (states.try_read(ids.get(i), saved)) {
                    state.put((long) i, values(saved));
                }
            }
        }
        options.put("params", numbers(parameters(optimizer).size()));
        Map<String, Object> stateDict = new LinkedHashMap<>(); // of the same order each time
        stateDict.put(STATE, state);
        stateDict.put(GROUPS, List.of(options));
        return stateDict;
    }

    /**
     * {@code optimizer.load_state_dict(…)} of what {@link #of} returned as {@code state}; the options stay as they are.
     *
     * @param state one for each parameter, or none at all, with tensors of its shape and dtype
     * @throws RuntimeException if this is not what such an optimizer remembers
     */
    static void load(Optimizer optimizer, List<Map<String, Object>> state) {
        Set<String> kept = KEPT.get(optimizer.getClass());
        if (state.isEmpty() != isStateless(optimizer)
                || kept != null && !state.stream().map(Map::keySet).allMatch(kept::equals)) {
            throw new IllegalArgumentException("not the state of this optimizer");
        }
        if (state.isEmpty()) {
            return;
        }
        InputArchive archive = archiveOf(optimizer);
        List<String> ids = ids(optimizer, archive);
        OutputArchive altered = new OutputArchive();
        for (String key : keys(archive)) {
            if (!key.equals(STATE)) {
                copy(archive, key, altered);
            }
        }
        OutputArchive states = new OutputArchive(altered.compilation_unit());
        for (int i = 0; i < state.size(); i++) {
            Tensor parameter = parameters(optimizer).get(i);
            OutputArchive one = new OutputArchive(altered.compilation_unit());
            state.get(i).forEach((name, value) -> {
                if (value instanceof Tensor tensor) {
                    one.write(name, tensor.to(parameter.device(), tensor.scalar_type()), /* is_buffer= */ true);
                } else {
                    one.write(name, new IValue((long) (Long) value));
                }
            });
            states.write(ids.get(i), one);
        }
        altered.write(STATE, states);
        optimizer.load(reread(altered));
    }

    /** Whether there is nothing to remember; then there is no need of an archive, whose first use takes its time. */
    private static boolean isStateless(Optimizer optimizer) {
        return optimizer instanceof SGD && options(optimizer).momentum().get() == 0;
    }

    private static SGDOptions options(Optimizer sgd) {
        return new SGDOptions(sgd.param_groups().get(0).options());
    }

    private static TensorVector parameters(Optimizer optimizer) {
        return optimizer.param_groups().get(0).params();
    }

    private static List<Long> numbers(long count) {
        List<Long> numbers = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            numbers.add(i);
        }
        return numbers;
    }

    private static InputArchive archiveOf(Optimizer optimizer) {
        OutputArchive archive = new OutputArchive();
        optimizer.save(archive);
        return reread(archive);
    }

    private static InputArchive reread(OutputArchive archive) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ArchiveWriter writer = new ArchiveWriter() {
            @Override
            public long call(Pointer data, long size) {
                byte[] chunk = new byte[Math.toIntExact(size)];
                new BytePointer(data).capacity(size).get(chunk);
                bytes.writeBytes(chunk);
                return size;
            }
        };
        archive.save_to(writer);
        InputArchive reread = new InputArchive();
        reread.load_from(new BytePointer(bytes.toByteArray()), bytes.size());
        return reread;
    }

    /** What the archive calls the parameters, in their order: their addresses. */
    private static List<String> ids(Optimizer optimizer, InputArchive archive) {
        InputArchive group = group(archive);
        List<String> ids = new ArrayList<>();
        for (long i = 0; i < parameters(optimizer).size(); i++) {
            ids.add(value(group, PARAM + i).toStringRef().getString());
        }
        return ids;
    }

    private static InputArchive group(InputArchive archive) {
        return inner(inner(archive, GROUPS), GROUPS + "/0");
    }

    private static InputArchive inner(InputArchive archive, String key) {
        InputArchive inner = new InputArchive();
        archive.read(key, inner);
        return inner;
    }

    private static List<String> keys(InputArchive archive) {
        StringVector names = archive.keys();
        List<String> keys = new ArrayList<>();
        for (long i = 0; i < names.size(); i++) {
            keys.add(names.get(i).getString());
        }
        return keys;
    }

    private static IValue value(InputArchive archive, String key) {
        IValue value = new IValue();
        archive.read(key, value);
        return value;
    }

    /** What is in an archive, by name. */
    private static Map<String, Object> values(InputArchive archive) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (String key : keys(archive)) {
            Tensor tensor = new Tensor();
            values.put(key, archive.try_read(key, tensor) ? tensor : value(value(archive, key)));
        }
        return values;
    }

    private static Object value(IValue value) {
        if (value.isInt()) {
            return value.toInt();
        }
        if (value.isBool()) {
            return value.toBool();
        }
        if (value.isTuple()) { // of two numbers: Adam's betas
            return List.of(
                    value.toTuple().elements().get(0).toDouble(),
                    value.toTuple().elements().get(1).toDouble());
        }
        return value.toDouble();
    }

    private static void copy(InputArchive from, String key, OutputArchive to) {
        InputArchive inner = new InputArchive();
        Tensor tensor = new Tensor();
        if (from.try_read(key, inner)) {
            OutputArchive copy = new OutputArchive(to.compilation_unit());
            keys(inner).forEach(name -> copy(inner, name, copy));
            to.write(key, copy);
        } else if (from.try_read(key, tensor)) {
            to.write(key, tensor);
        } else {
            to.write(key, value(from, key));
        }
    }
}
